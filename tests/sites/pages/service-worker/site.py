"""A service worker passes the page's requests on, as in every installable chat app."""

import lib
from aiohttp import web

JS = """
navigator.serviceWorker.register("/sw.js");
go = async (text) => {
  addUser(text); busy(true); const el = addBot(); let out = "";
  await sse("/v1/chat/completions", {stream: true, messages: [{role: "user", content: text}]}, (d) => {
    if (d === "[DONE]") return false;
    out += JSON.parse(d).choices[0].delta.content || ""; paras(el, out); });
  busy(false);
};
"""


async def sw(request):
    return web.Response(
        text="self.addEventListener('install', () => self.skipWaiting()); self.addEventListener('activate', (e) => e.waitUntil(self.clients.claim())); self.addEventListener('fetch', (e) => { if (e.request.url.includes('/v1/')) e.respondWith(fetch(e.request)); });",
        content_type="text/javascript",
    )


async def chat(request):
    request.app["got"].append((await request.json())["messages"][-1]["content"])
    return await lib.stream(
        request,
        [(0.08, lib.chunk(w)) for w in lib.words("Through the worker it comes, word by word.")]
        + [(0.1, lib.chunk(finish="stop")), (0, lib.ev("[DONE]"))],
    )


lib.run(lib.page(JS), [("GET", "/sw.js", sw), ("POST", "/v1/chat/completions", chat)])
