// The one script of all chat pages: builds the page that its flags describe and runs its turns.
import { createComposer } from "/static/composer.js";
import { createFiles } from "/static/files.js";
import { markdownToHtml } from "/static/markdown.js";
import { ask, connect, isConnected } from "/static/transports.js";

const flags = JSON.parse(document.getElementById("flags").textContent);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const newId = () => Math.random().toString(36).slice(2, 10);

// Class names that change at each load, as CSS-in-JS makes them.
const salt = newId().slice(0, 4);
const hashes = new Map();
function cls(...names) {
  if (!flags.hashed) return names.join(" ");
  return names.map((name) => hashes.get(name) ?? hashes.set(name, `c${hashes.size}-${salt}`).get(name)).join(" ");
}

function el(tag, { onclick, ...attributes } = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined) node.setAttribute(name, value);
  }
  if (onclick) node.addEventListener("click", onclick);
  node.append(...children);
  return node;
}

const state = { turns: [], running: new Set(), conversation: newId(), hasSwallowed: false, isBlocked: false };
const composer = createComposer(flags.composer ?? "textarea", {
  maxLength: flags.maxLength,
  onChange: () => refreshControls(),
  onSubmit: () => submit(),
});

const files = flags.files ? createFiles(flags, el, () => refreshControls()) : null;

const button = (name, label, onclick) =>
  el("button", { type: "button", class: cls(name), "aria-label": label, onclick }, label);
const send = button("send", "Send message", () => submit());
const stop = button("stop", "Stop generating", () => state.running.forEach((run) => run.abort()));
const banner = el("div", { class: cls("banner"), role: "alert", hidden: true });
const notice = el("div", { class: cls("notice"), hidden: true });
const messages = el("div", { class: cls("messages") });
const composing = el("div", { class: cls("composer", ...(flags.fieldGrows ? ["grows"] : [])) }, composer.field, ...(files?.parts ?? []), send, stop);
const chat = el("main", { class: cls("chat") }, button("new-chat", "New chat", startNewChat), messages, banner, notice);

function refreshControls() {
  stop.hidden = state.running.size === 0;
  send.hidden = !stop.hidden;
  send.disabled = composer.read().trim() === "";
  if (flags.locksInput) composer.field.disabled = state.running.size > 0;
  if (flags.ariaBusy) messages.setAttribute("aria-busy", String(state.running.size > 0));
}

// ---- drawing -------------------------------------------------------------------------------------------------

// Replaces only the blocks that changed, as a reconciling framework would.
function patch(node, html) {
  const next = el("template");
  next.innerHTML = html;
  const count = next.content.childNodes.length;
  [...next.content.childNodes].forEach((child, i) => {
    const old = node.childNodes[i];
    if (!old) node.append(child);
    else if (!old.isEqualNode(child)) old.replaceWith(child);
  });
  while (node.childNodes.length > count) node.lastChild.remove();
}

function buildTurn(turn) {
  const body = el("div", { class: cls("body") });
  const holder = flags.shadow && turn.role === "assistant" ? el("answer-view") : body;
  if (holder !== body) holder.attachShadow({ mode: "open" }).append(body);
  const thought = el("div", { class: cls("thought") });
  const summary = el("summary", {}, "Thinking…");
  const thinking = flags.foldThinking
    ? foldedThought(thought)
    : el("details", { class: cls("thinking"), open: !flags.hideThinking }, summary, thought);
  const mark = flags.echoTrapMs && turn.role === "assistant" ? ["turn", "message"] : ["turn", "message", turn.role];
  const id = flags.anonymous ? {} : { "data-message-id": turn.id };
  const node = el("article", { class: cls(...mark), "data-role": turn.role, ...id }, holder);
  return { node, body, holder, thinking, thought, summary };
}

// As many component libraries do: what is folded is not on the page at all.
function foldedThought(thought) {
  const toggle = el("button", { type: "button", class: cls("thought-toggle"), "aria-expanded": "false" }, "Reasoning");
  const block = el("section", { class: cls("thinking") }, toggle);
  block.fold = (isOpen) => {
    toggle.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) block.append(thought);
    else thought.remove();
  };
  toggle.addEventListener("click", () => block.fold(!thought.isConnected));
  return block;
}

function citedPages() {
  const pages = [["/static/chat.css", "A page of ours"], ["https://example.org/tea?cup=1", "All about tea"]];
  const cards = [...pages, pages[0]].map(([href, title], i) =>
    el("div", { class: cls("source") }, el("a", { href, target: "_blank" }, title), `snippet ${i + 1}`));
  return el("div", { class: cls("sources") }, el("p", {}, "Sources"), ...cards);
}

function fillTurn(view, turn) {
  if (turn.role === "user") {
    view.body.textContent = turn.text;
    return;
  }
  if (turn.thinking && !view.thinking.isConnected) view.holder.before(view.thinking);
  if (turn.thinking) patch(view.thought, turn.thinking);
  if (flags.foldThinking === "again" && turn.html && !view.isFolded) {
    view.isFolded = true;
    view.thinking.fold(false);
  }
  if (flags.citesPages && turn.html && !view.sources) view.holder.after((view.sources = citedPages()));
  view.summary.textContent = turn.html ? "Thought for 2 seconds" : "Thinking…";
  patch(view.body, turn.html || (turn.isDone ? "" : `<p>${flags.placeholder ?? ""}</p>`));
  if (turn.isDone && !view.actions) {
    view.actions = el("div", { class: cls("actions") }, button("copy", "Copy"), button("retry", "Try again"));
    view.node.append(view.actions);
  }
}

function draw(turn) {
  const shown = flags.keepTurns ? state.turns.slice(-flags.keepTurns) : state.turns;
  for (const each of shown) {
    if (flags.rerender || !each.view) each.view = buildTurn(each);
    if (flags.rerender || each === turn) fillTurn(each.view, each);
  }
  const nodes = shown.map((each) => each.view.node);
  const isSame = nodes.length === messages.childNodes.length && nodes.every((node, i) => node === messages.childNodes[i]);
  if (!isSame) messages.replaceChildren(...nodes);
  messages.scrollTop = messages.scrollHeight;
}

function addTurn(turn) {
  state.turns.push({ id: newId(), ...turn });
  draw(state.turns.at(-1));
  return state.turns.at(-1);
}

function removeTurn(turn) {
  state.turns = state.turns.filter((each) => each !== turn);
  draw(null);
}

function show(place, words) {
  place.textContent = words;
  place.hidden = !words;
}

// ---- a turn --------------------------------------------------------------------------------------------------

async function submit() {
  const prompt = composer.read();
  const isReady = !flags.needsSocket || isConnected();
  if (!prompt.trim() || state.running.size || state.isBlocked || !isReady) return;
  if (flags.swallowFirst && !state.hasSwallowed) {
    state.hasSwallowed = true;
    return;
  }
  // A second click while this page takes its time sends the prompt a second time.
  if (flags.userTurnAfterMs) await sleep(flags.userTurnAfterMs);
  show(banner, "");
  show(notice, "");
  composer.clear();
  if (flags.echoTrapMs) await echoAsIfAnswered(prompt);
  addTurn({ role: "user", text: prompt });
  await run(prompt, files?.take());
}

async function echoAsIfAnswered(prompt) {
  const trap = el("div", { class: cls("body") }, prompt);
  const node = el("article", { class: cls("turn", "message") }, trap);
  messages.append(node);
  await sleep(flags.echoTrapMs);
  node.remove();
}

const newAnswer = () => addTurn({ role: "assistant", text: "", html: "", thinking: "", thinkingText: "" });

async function run(prompt, attached) {
  const abort = new AbortController();
  let answer = flags.lateTurn ? null : newAnswer();
  let pieces = 0;
  state.running.add(abort);
  refreshControls();
  const emit = (piece) => {
    if (abort.signal.aborted) return;
    answer ??= newAnswer();
    grow(answer, piece);
    draw(answer);
    if (++pieces === 5) midway(abort);
  };
  try {
    const request = { conversation: state.conversation, prompt, files: attached };
    await ask[flags.transport](flags.variant, request, emit, abort.signal);
  } catch (problem) {
    tell(problem, prompt);
  } finally {
    state.running.delete(abort);
    finish(answer);
    if (flags.saved) save();
    refreshControls();
  }
}

function grow(answer, { kind, text, thinking }) {
  if (kind === "html") {
    answer.html = decorate(text);
    answer.thinking = thinking;
  } else if (kind === "thinking") {
    answer.thinkingText += text;
    answer.thinking = markdownToHtml(answer.thinkingText);
  } else {
    answer.text += text;
    answer.html = markdownToHtml(answer.text);
  }
}

// The server's plain code blocks get the toolbar that the page's own renderer gives them.
const decorate = (html) =>
  html.replaceAll(
    /<pre><code(?: class="language-([\w-]+)")?>/g,
    (code, language) => `<div class="code-bar"><span>${language ?? ""}</span><button type="button">Copy</button></div>${code}`,
  );

function finish(answer) {
  if (!answer) return;
  if (!answer.html) return removeTurn(answer);
  answer.isDone = true;
  draw(answer);
  if (flags.suggestionsAfterMs) setTimeout(() => suggest(answer.view.body), flags.suggestionsAfterMs);
}

function suggest(body) {
  const ideas = ["Tell me more about this", "Give me an example"].map((idea) => el("button", { type: "button" }, idea));
  body.append(el("div", { class: "toolbar" }, el("span", {}, "Share"), el("span", {}, "Rate this answer")));
  body.append(el("div", { class: "suggestions" }, el("p", {}, "You could ask next:"), ...ideas));
}

function tell(problem) {
  if (problem.kind === "signed-out") return showSignIn(problem.message);
  if (problem.kind === "limit") return show(notice, problem.message);
  if (problem.kind === "cut" && flags.quietCut) return undefined;
  const isStop = problem.name === "AbortError" || problem.kind === "AbortError";
  return isStop ? undefined : show(banner, problem.message);
}

function midway() {
  if (flags.midway === "navigate") location.href = "/v/not-chat";
  if (flags.midway === "reload") location.reload();
  if (flags.midway === "alert") alert("Your trial ends tomorrow.");
  if (flags.pushState && !location.pathname.includes("/c/")) {
    history.pushState({}, "", `/v/${flags.variant}/c/${state.conversation}`);
  }
}

function startNewChat() {
  state.running.forEach((run) => run.abort());
  Object.assign(state, { turns: [], conversation: newId() });
  if (flags.saved) history.pushState({}, "", `/v/${flags.variant}`);
  draw(null);
  show(banner, "");
  show(notice, "");
}

// ---- chats that are kept in the browser, each under an address of its own -----------------------------------------

function save() {
  const turns = state.turns.map(({ role, text, html }) => ({ role, text, html, thinking: "", isDone: true }));
  localStorage.setItem(`chat-${state.conversation}`, JSON.stringify(turns));
  const path = `/v/${flags.variant}/c/${state.conversation}`;
  if (location.pathname !== path) history.pushState({}, "", path);
}

async function restore() {
  const id = location.pathname.split("/c/")[1];
  const saved = id && localStorage.getItem(`chat-${id}`);
  if (!saved) return;
  await sleep(200);
  state.conversation = id;
  JSON.parse(saved).forEach(addTurn);
}

function askToDelete() {
  const confirm = button("confirm-delete", "Delete", () => {
    localStorage.removeItem(`chat-${state.conversation}`);
    confirm.remove();
    startNewChat();
  });
  setTimeout(() => chat.append(confirm), 100);
}

// ---- what stands over the page -------------------------------------------------------------------------------

async function showSignIn(words) {
  const response = await fetch(`/login/${flags.variant}`);
  const form = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("form");
  chat.replaceChildren(el("p", { class: "login-error", role: "alert" }, words), form);
  import("/static/login.js");
}

async function showDialog() {
  if (localStorage.getItem("welcomed")) return;
  await sleep(flags.dialogAfterMs);
  const close = button("close", "Got it", () => {
    localStorage.setItem("welcomed", "yes");
    state.isBlocked = false;
    overlay.remove();
  });
  const dialog = el("div", { class: cls("dialog"), role: "dialog", "aria-modal": "true" }, el("p", {}, "What is new"), close);
  const overlay = el("div", { class: cls("overlay") }, dialog);
  state.isBlocked = true;
  chat.append(overlay);
}

// As auto-sizing text fields do: a copy that measures, never to be typed into.
function addTwin() {
  const style = "visibility:hidden;position:absolute;overflow:hidden;height:0;top:0;left:0";
  composing.prepend(el("textarea", { class: "prompt", "aria-hidden": "true", readonly: true, tabindex: "-1", style }));
}

async function build() {
  if (flags.shadow) {
    const host = el("chat-widget");
    const css = el("link", { rel: "stylesheet", href: "/static/chat.css" });
    host.attachShadow({ mode: "open" }).append(css, chat);
    document.body.append(host);
  } else document.body.append(chat);
  if (flags.twin) addTwin();
  if (flags.dialogAfterMs) showDialog();
  if (flags.needsSocket || flags.transport === "websocket") connect(flags.variant);
  if (flags.midway === "alert") addEventListener("beforeunload", (event) => state.running.size && event.preventDefault());
  refreshControls();
  if (flags.composerAfterMs) await sleep(flags.composerAfterMs);
  chat.append(composing);
  files?.listen(chat, composer.field);
  if (flags.saved) {
    chat.prepend(button("delete-chat", "Delete chat", askToDelete));
    await restore();
  }
}

build();
