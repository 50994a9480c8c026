"""After the click a worker computes for 5 s (a puzzle against robots) without any sign on the page: no request, no spinner, the text stands in its field. Each click or Enter starts another message."""

import asyncio

import lib
from aiohttp import web

JS = """
const code = `onmessage = async (e) => { const end = Date.now() + 5000; let h = new TextEncoder().encode(e.data);
  while (Date.now() < end) { h = new Uint8Array(await crypto.subtle.digest("SHA-256", h)); await new Promise((r) => setTimeout(r, 50)); }
  postMessage(Array.from(h.slice(0, 4)).join("-")); };`;
const solve = (text) => new Promise((r) => { const w = new Worker(URL.createObjectURL(new Blob([code]))); w.onmessage = (e) => { w.terminate(); r(e.data); }; w.postMessage(text); });
let line = Promise.resolve();
const begin = () => { const text = $("q").value; if (!text.trim()) return; line = line.then(() => one(text)); };
const one = async (text) => {
  const proof = await solve(text);
  if ($("q").value === text) { $("q").value = ""; $("send").disabled = true; }
  addUser(text); busy(true);
  const r = await (await fetch("/complete", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({text, proof})})).json();
  paras(addBot(), r.answer.text); busy(false);
};
$("send").onclick = begin;
$("q").addEventListener("keydown", (e) => { if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); e.stopImmediatePropagation(); begin(); } }, true);
"""


async def complete(request):
    text = (await request.json())["text"]
    request.app["got"].append(text)
    await asyncio.sleep(0.6)
    return web.json_response({"answer": {"text": f"The puzzle is solved.\n\nYou asked: {text}"}})


lib.run(lib.page(JS), [("POST", "/complete", complete)])
