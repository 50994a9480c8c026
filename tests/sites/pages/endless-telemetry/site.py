"""A recorder of the session posts what is typed and shown (the prompt too) every 700 ms, and a stream of who is online never ends. The answer pauses for 4 s."""

import asyncio

import lib
from aiohttp import web

JS = """
const es = new EventSource("/presence"); es.onmessage = (e) => { document.title = "Chat (" + e.data + " online)"; };
setInterval(() => fetch("/rec", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({at: Date.now(), field: $("q").value, page: document.body.innerText})}), 700);
go = async (text) => {
  addUser(text); busy(true); const el = addBot(); let out = "";
  await sse("/api/complete", {prompt: text}, (d) => { const m = JSON.parse(d); if (m.stop) return false; out += m.content; paras(el, out); });
  busy(false);
};
"""


async def presence(request):
    r = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await r.prepare(request)
    n = 1
    while True:
        await r.write(lib.ev(str(n)))
        n += 1
        await asyncio.sleep(0.5)


async def rec(request):
    await request.read()
    return web.json_response({"ok": True})


async def complete(request):
    text = (await request.json())["prompt"]
    request.app["got"].append(text)
    tokens = lib.words(f"Somebody is always listening.\n\nYou asked: {text} So speak softly.")
    pieces = [(4.0 if i == 5 else 0.12, lib.ev({"content": w, "stop": False})) for i, w in enumerate(tokens)]
    return await lib.stream(request, [*pieces, (0.1, lib.ev({"content": "", "stop": True}))])


lib.run(
    lib.page(JS), [("GET", "/presence", presence), ("POST", "/rec", rec), ("POST", "/api/complete", complete)]
)
