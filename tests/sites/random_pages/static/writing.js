// What becomes of text that is shown: each writer takes the whole text so far, and the answer at its end.
import { markdownToHtml } from "./markdown/markdown.js";

const TICK_MS = 25;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const escapeHtml = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// All blocks but the last one, which may still grow; an open code block is one block.
function wholeBlocks(text) {
  let end = 0;
  let isCode = false;
  let at = 0;
  for (const line of text.split("\n").slice(0, -1)) {
    at += line.length + 1;
    if (line.startsWith("```")) isCode = !isCode;
    if (!isCode && !line) end = at;
  }
  return text.slice(0, end);
}

export function createWriter(plan, turn, draw) {
  const show = (html) => {
    turn.html = html;
    draw();
  };
  const render = (text) => show(markdownToHtml(text));
  const plain = (grow) => ({ grow, finish: async (answer) => render(answer) });
  if (plan.rewriting === "append") return plain((text) => render(wholeBlocks(text)));
  if (plan.rewriting === "raw_first") return plain((text) => show(`<div class="raw">${escapeHtml(text)}</div>`));
  if (plan.rewriting === "typewriter") return createTypewriter(render);
  return plain(render);
}

function createTypewriter(render) {
  let target = "";
  let typed = 0;
  let typing = null;
  const type = async () => {
    while (typed < target.length) {
      await sleep(TICK_MS);
      typed = Math.min(target.length, typed + Math.max(3, Math.ceil(target.length / 40)));
      render(target.slice(0, typed));
    }
  };
  const grow = (text) => {
    target = text;
    typing = (typing ?? Promise.resolve()).then(type);
  };
  return {
    grow,
    finish: (answer) => {
      grow(answer);
      return typing;
    },
  };
}
