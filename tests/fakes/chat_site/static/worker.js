// Asks the site from a dedicated worker, so that the page itself makes no request for an answer.
import { ask } from "/static/transports.js";

const running = new Map();

onmessage = async ({ data: { id, stop, variant, request } }) => {
  if (stop) return running.get(id)?.abort();
  const abort = new AbortController();
  running.set(id, abort);
  try {
    await ask.fetch(variant, request, (piece) => postMessage({ id, piece }), abort.signal);
    postMessage({ id, end: true });
  } catch (problem) {
    postMessage({ id, problem: { kind: problem.kind ?? problem.name, message: problem.message } });
  }
};
