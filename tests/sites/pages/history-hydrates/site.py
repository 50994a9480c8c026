"""A chat opened by its address shows its turns one after the other (lazy rendering), a pair each 1.2 s."""

import lib
from aiohttp import web

chats = {}
JS = """
let id = location.pathname.startsWith("/c/") ? location.pathname.slice(3) : null;
const show = (t) => { addUser(t[0]); paras(addBot(), t[1]); };
if (id) (async () => { const all = await (await fetch("/history/" + id)).json(); for (const t of all) { show(t); await sleep(1200); } })();
window.onNew = () => { id = null; history2("/"); };
const history2 = (p) => window.history.pushState({}, "", p);
go = async (text) => {
  if (!id) { id = Math.random().toString(36).slice(2, 10); history2("/c/" + id); }
  const p = fetch("/ask/" + id, {method: "POST", body: JSON.stringify({text})});
  await sleep(900); addUser(text); busy(true);
  const r = await (await p).json();
  await sleep(2000);
  const el = addBot(); const w = r.text.split(" "); for (let i = 1; i <= w.length; i++) { paras(el, w.slice(0, i).join(" ")); await sleep(80); }
  busy(false);
};
"""
PAGE = lib.page(JS)


async def ask(request):
    text = (await request.json())["text"]
    request.app["got"].append(text)
    turns = chats.setdefault(request.match_info["id"], [])
    turns.append([text, f"This is answer number {len(turns) + 1} of this chat."])
    return web.json_response({"text": turns[-1][1]})


async def history(request):
    return web.json_response(chats.get(request.match_info["id"], []))


async def chat(request):
    return web.Response(text=PAGE, content_type="text/html")


lib.run(PAGE, [("POST", "/ask/{id}", ask), ("GET", "/history/{id}", history), ("GET", "/c/{id}", chat)])
