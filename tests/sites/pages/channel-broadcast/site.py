"""Phoenix channels: arrays on one socket, heartbeats, and every tab of the account gets the messages of all its chats. A tab shows only its own."""

import asyncio
import json

import lib
from aiohttp import web

socks: set[web.WebSocketResponse] = set()
work: set[asyncio.Task] = set()
JS = """
let ref = 0; const mine = new Map(), topic = "account:1", waiting = [];
let ws, joined = false;
const push = (on, event, payload) => ws.send(JSON.stringify(["1", String(++ref), on, event, payload]));
const connect = () => {
  ws = new WebSocket("ws://" + location.host + "/socket/websocket?vsn=2.0.0");
  ws.onopen = () => push(topic, "phx_join", {});
  ws.onmessage = (e) => {
    const [, , on, event, p] = JSON.parse(e.data);
    if (event === "phx_reply" && on === topic && !joined) { joined = true; waiting.splice(0).forEach((f) => f()); return; }
    const m = p && mine.get(p.turn); if (!m) return;
    if (event === "token") { m.el ||= addBot(); m.out += p.token; paras(m.el, m.out); }
    if (event === "finished") { mine.delete(p.turn); busy(false); }
  };
};
connect();
setInterval(() => joined && ws.send(JSON.stringify([null, String(++ref), "phoenix", "heartbeat", {}])), 3000);
go = async (text) => {
  const turn = crypto.randomUUID(); mine.set(turn, {out: ""}); addUser(text); busy(true);
  const ask = () => push(topic, "ask", {turn, body: text}); joined ? ask() : waiting.push(ask);
};
"""


async def tell(event, payload):
    for s in list(socks):
        if not s.closed:
            await s.send_json([None, None, "account:1", event, payload])


async def sock(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    socks.add(ws)

    async def say(turn, text):
        await tell("message", {"turn": turn, "body": text})
        await asyncio.sleep(0.6)
        for w in lib.words(f"About this I can say the following: {text} That would be all."):
            await tell("token", {"turn": turn, "token": w})
            await asyncio.sleep(0.12)
        await tell("finished", {"turn": turn, "done": True})

    async for m in ws:
        join, ref, topic, event, payload = json.loads(m.data)
        await ws.send_json([join, ref, topic, "phx_reply", {"status": "ok", "response": {}}])
        if event == "ask":
            request.app["got"].append(payload["body"])
            task = asyncio.get_running_loop().create_task(say(payload["turn"], payload["body"]))
            work.add(task)
            task.add_done_callback(work.discard)
    socks.discard(ws)
    return ws


lib.run(lib.page(JS), [("GET", "/socket/websocket", sock)])
