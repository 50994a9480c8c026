// The ways an answer travels. Each asks (variant, request, emit, signal), emits pieces {kind, text} and
// resolves at the answer's end; it throws a Problem when the site refuses or the connection breaks.

export class Problem extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind; // "error" | "limit" | "signed-out" | "cut" | "AbortError"
  }
}

const cut = () => new Problem("cut", "Connection lost. Check your network.");
const stopped = () => new Problem("AbortError", "stopped");

async function post(path, request, signal) {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify(request);
  try {
    return await fetch(path, { method: "POST", headers, body, signal });
  } catch (error) {
    throw error.name === "AbortError" ? error : cut();
  }
}

function refusal(status, type, body) {
  if (status === 200 && !type.includes("application/json")) return null;
  const error = JSON.parse(body || "{}").error;
  if (status === 200 && !error) return null;
  const kind = status === 401 ? "signed-out" : error.type === "rate_limit" ? "limit" : "error";
  return new Problem(kind, error.message);
}

async function refuse(response) {
  const type = response.headers.get("content-type") ?? "";
  if (response.ok && !type.includes("application/json")) return;
  const problem = refusal(response.status, type, await response.clone().text());
  if (problem) throw problem;
}

function emitChunk(chunk, emit) {
  if (chunk.error) throw new Problem("error", chunk.error.message);
  const { content, reasoning_content: reasoning } = chunk.choices[0].delta;
  if (reasoning) emit({ kind: "thinking", text: reasoning });
  if (content) emit({ kind: "text", text: content });
}

// Splits a growing text at its separator; `read` gets each part and returns true at the end marker.
function feeder(separator, read) {
  let rest = "";
  let ended = false;
  return {
    feed(text) {
      const parts = (rest + text).split(separator);
      rest = parts.pop();
      for (const part of parts) ended = read(part) || ended;
    },
    end() {
      if (!ended) throw cut();
    },
  };
}

function sse(emit) {
  return feeder("\n\n", (event) => {
    const data = event.split("\n").find((line) => line.startsWith("data: "))?.slice(6);
    if (data === "[DONE]") return true;
    if (data) emitChunk(JSON.parse(data), emit);
    return false;
  });
}

function htmlLines(emit) {
  return feeder("\n", (line) => {
    const { html, thinking, end, error } = JSON.parse(line);
    if (error) throw new Problem("error", error.message);
    if (!end) emit({ kind: "html", text: html, thinking });
    return end;
  });
}

async function pump(response, reading) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const part = await reader.read().catch((error) => {
      throw error.name === "AbortError" ? error : cut();
    });
    if (part.done) return reading.end();
    reading.feed(part.value);
  }
}

async function byFetch(variant, request, emit, signal) {
  const response = await post(`/api/chat/${variant}`, request, signal);
  await refuse(response);
  await pump(response, sse(emit));
}

async function byHtml(variant, request, emit, signal) {
  const response = await post(`/api/html/${variant}`, request, signal);
  await refuse(response);
  await pump(response, htmlLines(emit));
}

function byXhr(variant, request, emit, signal) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const reading = sse(emit);
    let read = 0;
    const isStream = () => (xhr.getResponseHeader("content-type") ?? "").includes("event-stream");
    const feed = () => {
      const text = xhr.responseText;
      reading.feed(text.slice(read));
      read = text.length;
    };
    const guarded = (step) => () => {
      try {
        step();
      } catch (problem) {
        reject(problem);
      }
    };
    xhr.open("POST", `/api/chat/${variant}`);
    xhr.setRequestHeader("content-type", "application/json");
    xhr.onprogress = guarded(() => isStream() && feed());
    xhr.onload = guarded(() => {
      if (!isStream()) throw refusal(xhr.status, "application/json", xhr.responseText);
      feed();
      reading.end();
      resolve();
    });
    xhr.onerror = () => reject(cut());
    xhr.onabort = () => reject(stopped());
    signal.addEventListener("abort", () => xhr.abort());
    xhr.send(JSON.stringify(request));
  });
}

async function byEventSource(variant, request, emit, signal) {
  const response = await post(`/api/prompt/${variant}`, request, signal);
  await refuse(response);
  const { number } = await response.json();
  const source = new EventSource(`/api/events/${number}`);
  try {
    await new Promise((resolve, reject) => {
      source.onmessage = ({ data }) => {
        if (data === "[DONE]") return resolve();
        try {
          emitChunk(JSON.parse(data), emit);
        } catch (problem) {
          reject(problem);
        }
      };
      source.onerror = () => reject(cut());
      signal.addEventListener("abort", () => reject(stopped()));
    });
  } finally {
    source.close();
  }
}

let socket = null;
let lastId = 0;

export function connect(variant) {
  if (socket && socket.readyState <= WebSocket.OPEN) return socket;
  const address = new URL(`/ws/${variant}`, location.href);
  address.protocol = "ws:";
  socket = new WebSocket(address);
  return socket;
}

export const isConnected = () => socket?.readyState === WebSocket.OPEN;

async function bySocket(variant, request, emit, signal) {
  const line = connect(variant);
  const id = String(++lastId);
  if (!isConnected()) await new Promise((resolve) => line.addEventListener("open", resolve));
  const listening = new AbortController();
  const on = (target, name, listener) => target.addEventListener(name, listener, { signal: listening.signal });
  const answered = new Promise((resolve, reject) => {
    on(line, "close", () => reject(cut()));
    on(signal, "abort", () => {
      line.send(JSON.stringify({ type: "stop", id }));
      reject(stopped());
    });
    on(line, "message", ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.id !== id) return;
      if (frame.type === "chunk") emitChunk(frame.chunk, emit);
      if (frame.type === "error") reject(new Problem(frame.kind, frame.message));
      if (frame.type === "end") resolve();
    });
  });
  line.send(JSON.stringify({ type: "prompt", id, ...request }));
  return answered.finally(() => listening.abort());
}

let worker = null;

function byWorker(variant, request, emit, signal) {
  worker ??= new Worker("/static/worker.js", { type: "module" });
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    const listener = ({ data }) => {
      if (data.id !== id) return;
      if (data.piece) return emit(data.piece);
      worker.removeEventListener("message", listener);
      if (data.end) resolve();
      else reject(new Problem(data.problem.kind, data.problem.message));
    };
    worker.addEventListener("message", listener);
    signal.addEventListener("abort", () => worker.postMessage({ id, stop: true }));
    worker.postMessage({ id, variant, request });
  });
}

export const ask = {
  fetch: byFetch,
  html: byHtml,
  xhr: byXhr,
  eventsource: byEventSource,
  websocket: bySocket,
  worker: byWorker,
};
