"""No stream: the page polls for the text so far every 2 s; the model stops for 14 s in the middle (a tool). The field is closed meanwhile."""

import time

import lib
from aiohttp import web

T = [0]
JS = """
go = async (text) => {
  addUser(text); const el = addBot(); $("q").placeholder = "Working…";
  await fetch("/ask", {method: "POST", body: JSON.stringify({text})});
  for (;;) { const r = await (await fetch("/poll")).json(); paras(el, r.text); if (r.done) break; await sleep(2000); }
  $("q").placeholder = "Ask anything";
};
"""


async def ask(request):
    request.app["got"].append((await request.json())["text"])
    T[0] = time.time()
    return web.json_response({})


async def poll(request):
    s = time.time() - T[0]
    return web.json_response(
        {
            "text": "First I look at the table."
            if s < 16
            else "First I look at the table. It holds 42 rows.",
            "done": s >= 16,
        }
    )


lib.run(lib.page(JS), [("POST", "/ask", ask), ("GET", "/poll", poll)])
