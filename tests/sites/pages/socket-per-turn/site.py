"""The page closes its socket and opens a new one when it sends (a fresh token each time)."""

import asyncio
import json

import lib
from aiohttp import web

JS = """
let ws = new WebSocket("ws://" + location.host + "/ws"), el, out;
go = async (text) => {
  addUser(text); busy(true); el = addBot(); out = ""; ws.close();
  ws = new WebSocket("ws://" + location.host + "/ws");
  ws.onmessage = (e) => { const m = JSON.parse(e.data); if (m.end) { busy(false); return; } out += m.token; paras(el, out); };
  ws.onopen = () => ws.send(JSON.stringify({type: "ask", text}));
};
"""


async def sock(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for m in ws:
        request.app["got"].append(json.loads(m.data)["text"])
        for w in lib.words("Each turn has a socket of its own."):
            await ws.send_json({"token": w})
            await asyncio.sleep(0.06)
        await ws.send_json({"end": True})
    return ws


lib.run(lib.page(JS), [("GET", "/ws", sock)])
