"""One account, several tabs: each socket gets the tokens of every chat. The answer's id comes in the response to the page's POST."""

import asyncio

import lib
from aiohttp import web

socks = set()
n = [0]
JS = """
let mine = null, el, out = "", early = [];
const ws = new WebSocket("ws://" + location.host + "/ws");
const take = (m) => { if (m.id !== mine) return; if (m.end) { busy(false); mine = null; return; } out += m.token; paras(el, out); };
ws.onmessage = (e) => { const m = JSON.parse(e.data); if (mine) take(m); else early.push(m); };
go = async (text) => { addUser(text); busy(true); el = addBot(); out = ""; early = [];
  mine = (await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json()).id; early.forEach(take); };
"""


async def sock(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    socks.add(ws)
    async for _m in ws:
        pass
    socks.discard(ws)
    return ws


async def ask(request):
    text = (await request.json())["text"]
    request.app["got"].append(text)
    n[0] += 1
    mid = f"m{n[0]}"

    async def say():
        await asyncio.sleep(0.8)  # the model needs a moment
        for w in lib.words(f"You asked: {text} That is all there is to say about it."):
            for s in list(socks):
                await s.send_json({"id": mid, "token": w})
            await asyncio.sleep(0.1)
        for s in list(socks):
            await s.send_json({"id": mid, "end": True})

    asyncio.get_running_loop().create_task(say())
    await asyncio.sleep(0.3)
    return web.json_response({"id": mid})


lib.run(lib.page(JS), [("GET", "/ws", sock), ("POST", "/ask", ask)])
