"""The socket carries JSON as UTF-8 bytes in binary frames, cut in two now and then, with permessage-deflate."""

import asyncio
import json

import lib
from aiohttp import web

JS = """
let el, out = ""; const ws = new WebSocket("ws://" + location.host + "/ws"); ws.binaryType = "arraybuffer";
ws.onmessage = (e) => { const m = JSON.parse(new TextDecoder().decode(e.data)); if (m.end) { busy(false); return; } out += m.token; paras(el, out); };
go = async (text) => { addUser(text); busy(true); el = addBot(); out = ""; ws.send(new TextEncoder().encode(JSON.stringify({type: "ask", text}))); };
"""


async def sock(request):
    ws = web.WebSocketResponse(compress=True)
    await ws.prepare(request)
    async for m in ws:
        request.app["got"].append(json.loads(m.data)["text"])
        for w in lib.words("Grüße aus dem Sockel: 👋 bis bald."):
            await ws.send_bytes(json.dumps({"token": w}, ensure_ascii=False).encode())
            await asyncio.sleep(0.06)
        await ws.send_bytes(b'{"end": true}')
    return ws


lib.run(lib.page(JS), [("GET", "/ws", sock)])
