// How a prompt and its answer travel: each gives the whole text so far, and resolves to the answer.

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const post = (path, body, signal) =>
  fetch(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" }, signal });
const address = (path) => new URL(path, location.href).href.replace(/^http/, "ws");

let pageSocket = null;

export function connect() {
  pageSocket = new WebSocket(address("socket"));
  return pageSocket;
}

// Takes messages of a stream; `answer` is known once one of them was the last.
function createText(plan, emit) {
  const text = { whole: "", answer: null };
  text.take = (message) => {
    const piece = plan.shape === "openai" ? (message.choices?.[0].delta.content ?? "") : (message.text ?? "");
    text.whole = plan.shape === "snapshot" && piece ? piece : text.whole + piece;
    const isDone = message.done || message.type === "done" || message.choices?.[0].finish_reason;
    if (isDone) text.answer = message.final ?? text.whole;
    else emit(text.whole);
  };
  return text;
}

export async function readLines(response, take) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines.map((one) => one.replace(/^data: /, ""))) if (line && line !== "[DONE]") take(JSON.parse(line));
  }
}

async function stream(plan, request, emit, signal) {
  const text = createText(plan, emit);
  await readLines(await post("api/chat", request, signal), text.take);
  return text.answer;
}

async function whole(plan, request, emit, signal) {
  return (await (await post("api/chat", request, signal)).json()).answer.text;
}

function throughSocket(socket, plan, request, emit, signal) {
  return new Promise((resolve, reject) => {
    const text = createText(plan, emit);
    const ask = () => socket.send(JSON.stringify({ type: "ask", ...request }));
    const hear = ({ data }) => {
      const message = JSON.parse(data);
      if (!["text", "done"].includes(message.type)) return;
      text.take(message);
      if (text.answer !== null) leave(() => resolve(text.answer));
    };
    const leave = (then) => {
      socket.removeEventListener("message", hear);
      then();
    };
    socket.addEventListener("message", hear);
    signal.addEventListener("abort", () => leave(() => reject(new DOMException("stopped", "AbortError"))));
    if (socket.readyState === WebSocket.OPEN) ask();
    else socket.addEventListener("open", ask, { once: true });
  });
}

async function turnSocket(plan, request, emit, signal) {
  const socket = new WebSocket(address("socket"));
  try {
    return await throughSocket(socket, plan, request, emit, signal);
  } finally {
    socket.close();
  }
}

async function eventSource(plan, request, emit, signal) {
  const query = plan.asks_by_post
    ? { job: (await (await post("api/ask", request, signal)).json()).job }
    : { purpose: "chat", text: request.text };
  const source = new EventSource(`api/chat?${new URLSearchParams(query)}`);
  const text = createText(plan, emit);
  try {
    return await new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
      source.addEventListener("message", ({ data }) => {
        text.take(JSON.parse(data));
        if (text.answer !== null) resolve(text.answer);
      });
    });
  } finally {
    source.close();
  }
}

async function poll(path, pauseMs, plan, request, emit, signal) {
  const { job } = await (await post("api/ask", request, signal)).json();
  let text = "";
  for (;;) {
    const response = await fetch(`${path}?${new URLSearchParams({ job, have: text.length })}`, { signal });
    const message = await response.json();
    text = message.text;
    if (message.done) return text;
    emit(text);
    await sleep(pauseMs);
  }
}

const TRANSPORTS = {
  sse: stream,
  ndjson: stream,
  json: whole,
  page_socket: (...args) => throughSocket(pageSocket, ...args),
  turn_socket: turnSocket,
  eventsource: eventSource,
  polling: (...args) => poll("api/poll", 300, ...args),
  long_polling: (...args) => poll("api/next", 0, ...args),
};

export const fetchAnswer = (plan, ...rest) => TRANSPORTS[plan.transport](plan, ...rest);
