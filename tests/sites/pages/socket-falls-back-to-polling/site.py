"""The socket breaks in mid-answer and can't be opened again (a proxy that cuts them); the page goes on by polling for the whole text."""

import asyncio
import json

import lib
from aiohttp import web

texts: dict[str, dict] = {}
work: set[asyncio.Task] = set()
JS = """
let ws, cur = null; const status = document.createElement("p"); $("f").before(status);
const show = () => paras(cur.el, cur.out);
const finish = () => { cur = null; status.textContent = ""; busy(false); };
const poll = async () => {
  while (cur) {
    await sleep(600); const m = await (await fetch("/messages/" + cur.id)).json();
    if (m.text.length > cur.out.length) { cur.out = m.text; show(); }
    if (m.done) finish();
  }
};
const open = (again) => new Promise((ok, no) => {
  ws = new WebSocket("ws://" + location.host + "/live" + (again ? "?again=1" : "")); ws.onopen = ok; ws.onerror = no;
  ws.onmessage = (e) => { const m = JSON.parse(e.data); if (!cur || m.id !== cur.id) return; if (m.done) { finish(); return; } cur.out += m.token; show(); };
  ws.onclose = async () => { if (!cur) return; status.textContent = "Connection lost"; await sleep(500); try { await open(true); } catch (e) { poll(); } };
});
let up = open();
window.onNew = () => { up = open(); };
go = async (text) => {
  addUser(text); busy(true); await up; cur = {id: crypto.randomUUID(), out: "", el: addBot()};
  ws.send(JSON.stringify({type: "ask", id: cur.id, text}));
};
"""
SAY = "Proxies cut what they do not know.\n\nPolling goes through, word by word, as before: {text} That is the end."


async def live(request):
    if "again" in request.query:
        return web.Response(status=503)
    ws = web.WebSocketResponse()
    await ws.prepare(request)

    async def say(name, text):
        own = texts[name] = {"text": "", "done": False}
        for i, w in enumerate(lib.words(SAY.format(text=text))):
            await asyncio.sleep(0.2)
            own["text"] += w
            if i < 6:
                await ws.send_json({"id": name, "token": w})
            elif i == 6:
                request.transport.abort()
        own["done"] = True

    async for m in ws:
        d = json.loads(m.data)
        request.app["got"].append(d["text"])
        task = asyncio.get_running_loop().create_task(say(d["id"], d["text"]))
        work.add(task)
        task.add_done_callback(work.discard)
    return ws


async def message(request):
    own = texts[request.match_info["name"]]
    return web.json_response({"text": own["text"], "done": own["done"]})


lib.run(lib.page(JS), [("GET", "/live", live), ("GET", "/messages/{name}", message)])
