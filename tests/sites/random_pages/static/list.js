// The list of turns: in which order they stand, and by what an element is known again.
import { el } from "./composer.js";

const WINDOW = 4;

class ChatTurn extends HTMLElement {}
customElements.define("chat-turn", ChatTurn);

// Questions with their answers, a greeting alone.
function groups(turns) {
  const found = [];
  for (const turn of turns) {
    if (turn.role === "user" || !found.length || found.at(-1).at(-1).role !== "user") found.push([turn]);
    else found.at(-1).push(turn);
  }
  return found;
}

const ORDERS = {
  normal: (turns) => turns,
  newest_first: (turns) => [...turns].reverse(),
  newest_pair_first: (turns) => groups(turns).reverse().flat(),
};

export function createList(plan) {
  const place = el("div", { class: "messages", role: "log" });
  const known = new Map();
  const slots = [];

  const build = (role) => {
    const attributes = plan.marks === "classes" ? { class: `turn ${role}` } : { class: "turn", "data-role": role };
    if (plan.identity !== "components") return el("div", attributes);
    const node = el("chat-turn", attributes);
    node.attachShadow({ mode: "open" });
    return node;
  };

  const label = (node, role) => {
    if (plan.marks === "classes") node.className = `turn ${role}`;
    else node.dataset.role = role;
  };

  const elementFor = (turn, number, count) => {
    if (plan.identity === "rerendered") return build(turn.role);
    if (plan.identity === "recycled") {
      const node = (slots[number % WINDOW] ??= build(turn.role));
      if (node.shown !== turn.id) node.replaceChildren();
      Object.assign(node, { shown: turn.id });
      node.dataset.index = number % WINDOW;
      label(node, turn.role);
      return node;
    }
    if (!known.has(turn.id)) known.set(turn.id, build(turn.role));
    const node = known.get(turn.id);
    if (plan.identity === "ids") node.dataset.messageId = turn.id;
    if (plan.identity === "renumbered") node.dataset.index = count - 1 - number;
    return node;
  };

  const draw = (turns) => {
    const first = plan.identity === "recycled" ? Math.max(0, turns.length - WINDOW) : 0;
    const nodes = new Map(turns.slice(first).map((turn, i) => [turn, elementFor(turn, first + i, turns.length)]));
    for (const [turn, node] of nodes) fill(plan, node.shadowRoot ?? node, turn);
    const ordered = ORDERS[plan.order](turns.slice(first)).map((turn) => nodes.get(turn));
    const isSame = ordered.length === place.childNodes.length && ordered.every((node, i) => node === place.childNodes[i]);
    if (!isSame) place.replaceChildren(...ordered);
  };
  return { place, draw };
}

function fill(plan, root, turn) {
  const part = plan.marks === "classes" ? { class: "body" } : { "data-part": "text" };
  if (!root.firstChild) root.append(el("span", { class: "name" }, turn.role === "user" ? "You" : "Bot"), el("div", part));
  const body = root.children[1];
  if (turn.role === "user") {
    if (body.textContent !== turn.text) body.textContent = turn.text;
    return;
  }
  show(plan, body, turn);
  if (plan.end === "finished" && turn.isDone && !root.querySelector(".actions")) {
    root.append(el("div", { class: "actions" }, el("button", { type: "button" }, "Copy answer")));
  }
}

function show(plan, body, turn) {
  const cursor = plan.end === "cursor" && !turn.isDone ? "▌" : "";
  const drawn = turn.html + cursor;
  if (body.drawn === drawn) return;
  if (plan.rewriting === "append" && body.drawn && turn.html.startsWith(body.drawn) && !cursor) {
    body.insertAdjacentHTML("beforeend", turn.html.slice(body.drawn.length));
  } else {
    body.innerHTML = turn.html;
    if (cursor) (body.lastElementChild ?? body).append(cursor);
  }
  body.drawn = drawn;
}
