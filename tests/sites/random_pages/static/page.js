// The one script of all random pages: builds the page that its plan describes and runs its turns.
import { connect, fetchAnswer } from "./transports.js";
import { createList } from "./list.js";
import { createWriter } from "./writing.js";
import { afterAnswer, afterLoad, beforeAnswer } from "./side.js";
import { createComposer, el } from "./composer.js";

const plan = JSON.parse(document.getElementById("plan").textContent);
const newId = () => Math.random().toString(36).slice(2, 10);
const greeting = () => ({ id: newId(), role: "assistant", html: "<p>Hello! How can I help you today?</p>", isDone: true });

const state = { turns: [], chat: newId(), isBusy: false };
const list = createList(plan);
const composer = createComposer(plan, submit);
const stop = el("button", { class: "stop", type: "button", hidden: true, onclick: () => state.abort?.abort() }, "Stop");
composer.place.append(stop);

function showWork(isBusy) {
  if (plan.end === "stop") stop.hidden = !isBusy;
  if (plan.end === "aria_busy") list.place.setAttribute("aria-busy", String(isBusy));
  if (plan.end === "field_disabled") composer.disable(isBusy);
}

function newChat() {
  state.abort?.abort();
  state.chat = newId();
  state.turns = plan.has_greeting ? [greeting()] : [];
  list.draw(state.turns);
}

async function submit(prompt) {
  if (state.isBusy) return;
  state.isBusy = true;
  state.abort = new AbortController();
  composer.clear();
  state.turns.push({ id: newId(), role: "user", text: prompt, isDone: true });
  const turn = { id: newId(), role: "assistant", html: "", isDone: false };
  state.turns.push(turn);
  list.draw(state.turns);
  showWork(true);
  const shown = state.turns;
  const writer = createWriter(plan, turn, () => shown === state.turns && list.draw(state.turns));
  try {
    await beforeAnswer(plan, prompt);
    const request = { purpose: "chat", chat: state.chat, turn: turn.id, text: prompt };
    const whole = await fetchAnswer(plan, request, writer.grow, state.abort.signal);
    if (plan.ends_early) showWork(false);
    await writer.finish(whole);
  } catch (problem) {
    if (problem.name !== "AbortError") console.error(problem);
  } finally {
    turn.isDone = true;
    if (shown === state.turns) list.draw(state.turns);
    showWork(false);
    state.isBusy = false;
    afterAnswer(plan, state, composer.place);
  }
}

const bar = plan.has_new_chat ? [el("button", { class: "new-chat", type: "button", onclick: newChat }, "New chat")] : [];
document.body.append(...bar, list.place, composer.place);
newChat();
if (plan.transport === "page_socket") connect();
afterLoad(plan);
