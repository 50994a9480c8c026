"""The page keeps the prompt in its field until the server has taken it (5 s: it queues), and shows the turn only then."""

import asyncio

import lib
from aiohttp import web

JS = """
$("send").onclick = async () => {
  const text = $("q").value;
  const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json();
  $("q").value = ""; addUser(text); busy(true); const el = addBot();
  for (let i = 1; i <= r.words.length; i++) { paras(el, r.words.slice(0, i).join(" ")); await sleep(80); }
  busy(false);
};
"""


async def ask(request):
    request.app["got"].append((await request.json())["text"])
    await asyncio.sleep(5)
    return web.json_response({"words": f"Order number {len(request.app['got'])} was placed.".split()})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
