"""A small site reports errors by window.alert(), as many do."""

import lib
from aiohttp import web

JS = """
go = async (text) => {
  addUser(text); busy(true);
  const r = await fetch("/ask", {method: "POST", body: JSON.stringify({text})});
  busy(false);
  if (!r.ok) { alert("Rate limit exceeded. Please try again in 30 seconds."); return; }
  paras(addBot(), (await r.json()).text);
};
"""


async def ask(request):
    request.app["got"].append((await request.json())["text"])
    return web.Response(status=429, text="slow down")


lib.run(lib.page(JS), [("POST", "/ask", ask)])
