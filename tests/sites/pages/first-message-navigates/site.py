"""The first message is a form that leads to a new document (POST, 303, /c/1); there the answer comes by EventSource. Later messages stay in it."""

import asyncio
import html
import json

import lib
from aiohttp import web

chats: list[list[dict]] = []
HEAD = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Help desk</title><style>[hidden]{display:none}</style></head><body><nav><a id="fresh" href="/">New question</a></nav>'
START = (
    HEAD
    + '<form method="post" action="/start"><textarea name="text" rows="3" cols="70"></textarea><button id="go">Ask</button></form></body></html>'
)
SCRIPT = """<script>
const chat = location.pathname, log = document.querySelector("main"), form = document.querySelector("form");
const listen = () => {
  document.getElementById("halt").hidden = false;
  const div = document.createElement("div"); div.className = "theirs"; const md = document.createElement("div"); md.className = "md"; div.append(md); log.append(div);
  const es = new EventSource(chat + "/events"); let out = "";
  es.onmessage = (e) => {
    const d = JSON.parse(e.data);
    if (d.done) { es.close(); document.getElementById("halt").hidden = true; return; }
    out += d.w; md.textContent = out;
  };
};
form.onsubmit = async (e) => {
  e.preventDefault(); const text = form.text.value; if (!text.trim()) return; form.reset();
  const div = document.createElement("div"); div.className = "mine"; div.textContent = text; log.append(div);
  await fetch(chat + "/more", {method: "POST", body: new URLSearchParams({text})}); listen();
};
if (log.dataset.open) listen();
</script></body></html>"""


def ask(app, chat, text):
    app["got"].append(text)
    chat.append({"q": text, "a": f"This is reply {len(chat) + 1}. You wrote: {text}", "told": False})


async def start(request):
    chats.append([])
    ask(request.app, chats[-1], str((await request.post())["text"]))
    await asyncio.sleep(0.7)
    raise web.HTTPSeeOther(f"/c/{len(chats)}")


async def show(request):
    chat = chats[int(request.match_info["n"]) - 1]
    turns = "".join(
        f"<div class='mine'>{html.escape(t['q'])}</div>"
        + (f"<div class='theirs'><div class='md'>{html.escape(t['a'])}</div></div>" if t["told"] else "")
        for t in chat
    )
    waiting = " data-open='1'" if not chat[-1]["told"] else ""
    form = '<form><textarea name="text" rows="3" cols="70"></textarea><button id="go">Ask</button></form><button id="halt" hidden>Halt</button>'
    return web.Response(text=f"{HEAD}<main{waiting}>{turns}</main>{form}{SCRIPT}", content_type="text/html")


async def more(request):
    ask(request.app, chats[int(request.match_info["n"]) - 1], str((await request.post())["text"]))
    return web.Response(status=204)


async def events(request):
    turn = chats[int(request.match_info["n"]) - 1][-1]
    pieces = [(0.12, lib.ev(json.dumps({"w": w}))) for w in lib.words(turn["a"])]
    r = await lib.stream(request, [*pieces, (0.1, lib.ev({"done": True}))])
    turn["told"] = True
    return r


lib.run(
    START,
    [
        ("POST", "/start", start),
        ("GET", r"/c/{n:\d+}", show),
        ("POST", r"/c/{n:\d+}/more", more),
        ("GET", r"/c/{n:\d+}/events", events),
    ],
)
