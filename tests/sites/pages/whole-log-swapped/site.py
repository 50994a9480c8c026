"""The server renders the whole log anew for each poll and the page swaps it in (htmx): new elements, new ids, and texts in old turns that go on changing."""

import asyncio
import html
import secrets
import time

import lib
from aiohttp import web

chats: dict[str, list[dict]] = {}
work: set[asyncio.Task] = set()
HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Desk</title></head><body>
<div id="holder"></div><form id="ask"><input type="text" name="text" size="70" autocomplete="off"><button type="submit">Send it</button></form><button id="reset">Start over</button>
<script>
let chat = Math.random().toString(36).slice(2), last = "";
const holder = document.getElementById("holder"), form = document.getElementById("ask");
const swap = (t, of) => { if (of === chat && t !== last) { last = t; holder.innerHTML = t; } };
const poll = async () => { const of = chat; try { swap(await (await fetch("/log?chat=" + of)).text(), of); } catch (e) {} setTimeout(poll, holder.querySelector(".halt") ? 250 : 1500); };
poll();
form.onsubmit = async (e) => {
  e.preventDefault(); if (!form.text.value.trim()) return;
  const body = new URLSearchParams(new FormData(form)); body.set("chat", chat); form.reset();
  const of = chat; swap(await (await fetch("/send", {method: "POST", body})).text(), of);
};
document.getElementById("reset").onclick = () => { chat = Math.random().toString(36).slice(2); last = ""; holder.innerHTML = ""; };
</script></body></html>"""


def render(chat):
    turns = chats.get(chat, [])
    out = []
    for i, t in enumerate(turns):
        ago = int(time.monotonic() - t["at"])
        tail = ""
        if t["who"] == "desk" and i == len(turns) - 1:
            tail = (
                "<button class='halt'>Halt</button>"
                if t["open"]
                else "<menu><button>Copy</button><button>And then?</button><button>Why?</button></menu>"
            )
        body = "".join(f"<p>{html.escape(p)}</p>" for p in t["text"].split("\n\n") if p)
        out.append(
            f"<article id='m-{secrets.token_hex(4)}' data-who='{t['who']}'><header>{t['who']} · {i + 1} of {len(turns)} · "
            f"{ago} s ago</header><div class='text'>{body}</div>{tail}</article>"
        )
    return web.Response(
        text=f"<section id='log-{secrets.token_hex(3)}'>{''.join(out)}</section>", content_type="text/html"
    )


async def send(request):
    form = await request.post()
    chat, text = str(form["chat"]), str(form["text"])
    request.app["got"].append(text)
    turns = chats.setdefault(chat, [])
    turns.append({"who": "you", "text": text, "at": time.monotonic(), "open": False})

    async def say():
        await asyncio.sleep(0.8)
        turn = {"who": "desk", "text": "", "at": time.monotonic(), "open": True}
        turns.append(turn)
        for w in lib.words("Thank you for asking.\n\nOur desk is open from nine to five."):
            await asyncio.sleep(0.15)
            turn["text"] += w
        turn["open"] = False

    task = asyncio.get_running_loop().create_task(say())
    work.add(task)
    task.add_done_callback(work.discard)
    return render(chat)


async def log(request):
    return render(request.query["chat"])


lib.run(HTML, [("POST", "/send", send), ("GET", "/log", log)])
