"""A support widget in a frame, by long polling (a request always hangs open). The dots of "is typing" go and come again between the paragraphs; a tick says that all is there."""

import asyncio

import lib
from aiohttp import web

chats: dict[str, dict] = {}
work: set[asyncio.Task] = set()
SHOP = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title></head><body><h1>Shoes</h1><p>Boots, 80 €.</p>
<iframe id="support" title="Support" src="/widget" width="760" height="520"></iframe></body></html>"""
JS = """
let chat = crypto.randomUUID(), seen = 0, el = null;
const dots = document.createElement("div"); dots.className = "dots"; dots.textContent = "Sam is typing"; dots.hidden = true; $("f").before(dots);
const poll = async () => {
  for (;;) {
    const of = chat; let r;
    try { r = await (await fetch(`/poll?chat=${of}&after=${seen}`)).json(); } catch (e) { await sleep(500); continue; }
    if (of !== chat) continue;
    for (const m of r) {
      seen++;
      if ("typing" in m) dots.hidden = !m.typing;
      if (m.part) { el ||= addBot(); const p = document.createElement("p"); p.textContent = m.part; el.append(p); }
      if (m.end) { const t = document.createElement("span"); t.className = "tick"; t.textContent = "✓"; el.parentNode.append(t); el = null; }
    }
  }
};
poll();
window.onNew = () => { chat = crypto.randomUUID(); seen = 0; el = null; dots.hidden = true; };
go = async (text) => { addUser(text); await fetch("/say", {method: "POST", body: JSON.stringify({chat, text})}); };
"""


def room(chat):
    return chats.setdefault(chat, {"events": [], "news": asyncio.Event()})


async def poll(request):
    r, after = room(request.query["chat"]), int(request.query["after"])
    try:
        async with asyncio.timeout(20):
            while len(r["events"]) <= after:
                r["news"].clear()
                await r["news"].wait()
    except TimeoutError:
        pass
    return web.json_response(r["events"][after:])


async def say(request):
    body = await request.json()
    request.app["got"].append(body["text"])
    r = room(body["chat"])

    async def write():
        script = [
            (1.0, {"typing": True}),
            (1.2, {"typing": False}),
            (0, {"part": "Good morning, this is Sam."}),
        ]
        script += [
            (0.5, {"typing": True}),
            (5.0, {"typing": False}),
            (0.1, {"part": f"You wrote: {body['text']}"}),
        ]
        script += [
            (0.5, {"typing": True}),
            (1.0, {"typing": False}),
            (0, {"part": "Boots can be sent back."}),
            (0.2, {"end": True}),
        ]
        for wait, event in script:
            await asyncio.sleep(wait)
            r["events"].append(event)
            r["news"].set()

    task = asyncio.get_running_loop().create_task(write())
    work.add(task)
    task.add_done_callback(work.discard)
    return web.Response(status=204)


async def widget(request):
    return web.Response(text=lib.page(JS), content_type="text/html")


lib.run(SHOP, [("GET", "/widget", widget), ("GET", "/poll", poll), ("POST", "/say", say)])
