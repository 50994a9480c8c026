"""The socket drops in mid-answer; the page connects anew, and the server replays the answer from the start of its message."""

import asyncio
import json

import lib
from aiohttp import WSMsgType, web

W = lib.words("The quick brown fox jumps over the lazy dog and runs away.")
state = {"drop": True}
JS = """
let ws, el, out = "", asked = null;
const connect = () => { ws = new WebSocket("ws://" + location.host + "/ws");
  ws.onopen = () => { if (asked) ws.send(JSON.stringify({type: "resume", id: asked})); };
  ws.onmessage = (e) => { const m = JSON.parse(e.data);
    if (m.type === "started") asked = m.id;
    if (m.type === "reset") { out = ""; }
    if (m.type === "token") { out += m.text; paras(el, out); }
    if (m.type === "end") { asked = null; busy(false); } };
  ws.onclose = () => setTimeout(connect, 200); };
connect();
go = async (text) => { addUser(text); busy(true); el = addBot(); out = ""; ws.send(JSON.stringify({type: "ask", text})); };
"""


async def sock(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for m in ws:
        if m.type != WSMsgType.TEXT:
            break
        d = json.loads(m.data)
        if d["type"] == "ask":
            request.app["got"].append(d["text"])
        await ws.send_json({"type": "started", "id": "m1"} if d["type"] == "ask" else {"type": "reset"})
        for i, w in enumerate(W):
            await ws.send_json({"type": "token", "text": w})
            await asyncio.sleep(0.08)
            if d["type"] == "ask" and i == 5:
                await ws.close()
                return ws
        await ws.send_json({"type": "end"})
    return ws


lib.run(lib.page(JS), [("GET", "/ws", sock)])
