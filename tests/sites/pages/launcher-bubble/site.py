"""A support widget on a shop's page: a bubble, then a card with "Start a chat", then the field; it greets. Socket.IO, over a socket alone. "End chat" leads back to the card, a reload to the bubble."""

import asyncio
import json

import lib
from aiohttp import web

work: set[asyncio.Task] = set()
HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title><style>[hidden]{display:none!important}
#bubble{position:fixed;right:20px;bottom:20px;width:56px;height:56px;border-radius:28px} #panel{position:fixed;right:20px;bottom:90px;width:420px;height:500px;overflow:auto;border:1px solid;background:#fff}</style></head>
<body><h1>Garden tools</h1><p>Spades from 20 €.</p><button id="bubble" aria-label="Open support">?</button><div id="app"></div><script>
const app = document.getElementById("app"), make = (tag, props, ...kids) => { const e = Object.assign(document.createElement(tag), props); e.append(...kids); return e; };
let panel = null, ws, log, field, go, halt, wait = null;
const connect = () => new Promise((ok) => {
  ws = new WebSocket("ws://" + location.host + "/socket.io/?EIO=4&transport=websocket");
  ws.onmessage = (e) => {
    const d = e.data;
    if (d[0] === "0") ws.send("40"); else if (d === "2") ws.send("3"); else if (d.startsWith("40")) ok();
    else if (d.startsWith("42")) {
      const [name, arg] = JSON.parse(d.slice(2));
      if (name === "bot_uttered") { if (!wait) wait = line("agent", ""); wait.textContent += arg.text; halt.hidden = false; }
      if (name === "bot_done") { wait = null; halt.hidden = true; }
    }
  };
});
const line = (who, text) => { const t = make("p", {className: "text", textContent: text}); log.append(make("div", {className: "msg " + who}, make("small", {textContent: who}), t)); return t; };
const card = () => panel.replaceChildren(make("h2", {textContent: "Hello!"}), make("button", {className: "primary", textContent: "Start a chat", onclick: () => setTimeout(chat, 250)}), make("button", {className: "primary", textContent: "Search our help"}));
const chat = async () => {
  log = make("div", {className: "log"}); wait = null;
  field = make("textarea", {placeholder: "Write to us", onkeydown: (e) => { if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); send(); } }});
  halt = make("span", {className: "typing", textContent: "writing…", hidden: true});
  panel.replaceChildren(make("button", {className: "end", textContent: "End chat", onclick: () => { ws.close(); card(); }}), log, halt, field, make("button", {className: "send", textContent: "Send", onclick: () => send()}));
  await connect(); line("agent", "Hi, I am Robin. How can I help you?");
};
const send = () => { const text = field.value; if (!text.trim()) return; field.value = ""; line("guest", text); ws.send("42" + JSON.stringify(["user_uttered", {message: text, session: "s"}])); };
document.getElementById("bubble").onclick = () => {
  if (panel) { panel.remove(); panel = null; return; }
  setTimeout(() => { if (panel) return; panel = make("div", {id: "panel"}); app.append(panel); card(); }, 300);
};
</script></body></html>"""


async def sock(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    await ws.send_str('0{"sid":"a","upgrades":[],"pingInterval":5000,"pingTimeout":20000}')

    async def say(text):
        await asyncio.sleep(0.7)
        for w in lib.words(f"Robin here again. About {text!r}: spades are in the first hall."):
            await ws.send_str("42" + json.dumps(["bot_uttered", {"text": w}]))
            await asyncio.sleep(0.12)
        await ws.send_str("42" + json.dumps(["bot_done", {}]))

    async for m in ws:
        if m.data.startswith("40"):
            await ws.send_str('40{"sid":"b"}')
            await ws.send_str("2")
        elif m.data.startswith("42"):
            _, arg = json.loads(m.data[2:])
            request.app["got"].append(arg["message"])
            task = asyncio.get_running_loop().create_task(say(arg["message"]))
            work.add(task)
            task.add_done_callback(work.discard)
    return ws


lib.run(HTML, [("GET", "/socket.io/", sock)])
