"""GraphQL: every request goes to /graphql (presence, typing, the question), and the events of all subscriptions come over one socket: a title, token by token, before the answer in the same form."""

import asyncio
import json

import lib
from aiohttp import web

subs: set[tuple[web.WebSocketResponse, str, str, str]] = set()
work: set[asyncio.Task] = set()
count = [0]
JS = """
const gql = async (operationName, variables) => (await (await fetch("/graphql", {method: "POST", headers: {"content-type": "application/json"},
  body: JSON.stringify({operationName, query: operationName === "Presence" ? "query Presence { me { seen } }" : `mutation ${operationName}($chat: ID!, $text: String!) { do(chat: $chat, text: $text) { messageId } }`, variables})})).json()).data;
const chat = crypto.randomUUID(); let ready, mine = null, el, out = "", early = [];
const title = document.createElement("h2"); document.body.prepend(title);
const ws = new WebSocket("ws://" + location.host + "/graphql", "graphql-transport-ws");
ws.onopen = () => ws.send(JSON.stringify({type: "connection_init"}));
const up = new Promise((r) => { ready = r; });
const take = (m) => { if (m.messageId !== mine) return; if (m.done) { mine = null; busy(false); return; } out += m.text; paras(el, out); };
ws.onmessage = (e) => {
  const m = JSON.parse(e.data);
  if (m.type === "connection_ack") { for (const [id, name] of [["s1", "OnTitle"], ["s2", "OnMessage"]]) ws.send(JSON.stringify({id, type: "subscribe", payload: {operationName: name, variables: {chat}, query: `subscription ${name}($chat: ID!) { event(chat: $chat) { messageId text done } }`}})); ready(); }
  if (m.type === "ping") ws.send(JSON.stringify({type: "pong"}));
  if (m.type !== "next") return;
  const ev = m.payload.data.event;
  if (m.id === "s1") { if (!ev.done) title.textContent += ev.text; return; }
  if (mine) take(ev); else early.push(ev);
};
setInterval(() => gql("Presence", {}), 2500);
$("q").addEventListener("input", () => gql("Typing", {chat, text: $("q").value.slice(0, 2000)}));
go = async (text) => {
  addUser(text); busy(true); await up; title.textContent = ""; out = ""; early = []; el = addBot();
  const id = (await gql("Ask", {chat, text})).do.messageId; mine = id; early.splice(0).forEach(take);
};
"""


async def tell(chat, name, event):
    for ws, sub, to, operation in list(subs):
        if to == chat and operation == name and not ws.closed:
            await ws.send_json({"id": sub, "type": "next", "payload": {"data": {"event": event}}})


async def say(chat, mid, text):
    await asyncio.sleep(0.2)
    for w in lib.words("A chat about the weather"):
        await tell(chat, "OnTitle", {"messageId": "t" + mid, "text": w, "done": False})
        await asyncio.sleep(0.05)
    await tell(chat, "OnTitle", {"messageId": "t" + mid, "text": "", "done": True})
    await asyncio.sleep(0.8)
    for w in lib.words(f"Tomorrow it rains. You asked: {text}"):
        await tell(chat, "OnMessage", {"messageId": mid, "text": w, "done": False})
        await asyncio.sleep(0.12)
    await tell(chat, "OnMessage", {"messageId": mid, "text": "", "done": True})


async def post(request):
    body = await request.json()
    if body["operationName"] != "Ask":
        return web.json_response({"data": {"do": {"messageId": "none"}, "me": {"seen": 1}}})
    count[0] += 1
    mid = f"m{count[0]}"
    request.app["got"].append(body["variables"]["text"])
    task = asyncio.get_running_loop().create_task(
        say(body["variables"]["chat"], mid, body["variables"]["text"])
    )
    work.add(task)
    task.add_done_callback(work.discard)
    await asyncio.sleep(0.1)
    return web.json_response({"data": {"do": {"messageId": mid}}})


async def sock(request):
    ws = web.WebSocketResponse(protocols=["graphql-transport-ws"])
    await ws.prepare(request)
    mine = set()
    async for m in ws:
        d = json.loads(m.data)
        if d["type"] == "connection_init":
            await ws.send_json({"type": "connection_ack"})
            await ws.send_json({"type": "ping"})
        elif d["type"] == "subscribe":
            one = (ws, d["id"], d["payload"]["variables"]["chat"], d["payload"]["operationName"])
            mine.add(one)
            subs.add(one)
    subs.difference_update(mine)
    return ws


lib.run(lib.page(JS), [("POST", "/graphql", post), ("GET", "/graphql", sock)])
