// What a page sends beside its turns, and what it shows of that.
import { el } from "./composer.js";
import { readLines } from "./transports.js";

const json = (path, body) => fetch(path, { method: "POST", body: JSON.stringify(body) }).then((response) => response.json());
const has = (plan, kind) => plan.side.includes(kind);

export function afterLoad(plan) {
  if (has(plan, "beacons")) navigator.sendBeacon("api/event", JSON.stringify({ event: "load" }));
  if (has(plan, "status")) setInterval(() => fetch("api/status").then((response) => response.json()), 400);
  if (has(plan, "heartbeat") && plan.transport !== "page_socket") {
    new WebSocket(new URL("side", location.href).href.replace(/^http/, "ws"));
  }
}

export async function beforeAnswer(plan, prompt) {
  if (has(plan, "beacons")) navigator.sendBeacon("api/event", JSON.stringify({ event: "send", size: prompt.length }));
  if (!has(plan, "rewrite")) return;
  const response = await fetch("api/chat", { method: "POST", body: JSON.stringify({ purpose: "rewrite", text: prompt }) });
  if (plan.transport === "json") await response.json();
  else await readLines(response, () => {});
}

export async function afterAnswer(plan, state, place) {
  if (has(plan, "beacons")) navigator.sendBeacon("api/event", JSON.stringify({ event: "answered" }));
  if (has(plan, "title") && state.turns.filter((turn) => turn.role === "user").length === 1) {
    document.title = (await json("api/title", { purpose: "title", text: state.turns.at(-2).text })).title;
  }
  if (!has(plan, "suggestions")) return;
  const { text } = await (await fetch("api/suggestions")).json();
  document.querySelector(".suggestions")?.remove();
  place.after(el("div", { class: "suggestions" }, ...text.map((idea) => el("button", { type: "button" }, idea))));
}
