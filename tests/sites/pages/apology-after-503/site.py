"""The server is overloaded (503); the page puts an apology where the answer would stand, as if the model said it, with a button to try again elsewhere."""

import asyncio

import lib
from aiohttp import web

JS = """
go = async (text) => {
  addUser(text); busy(true); const el = addBot();
  const r = await fetch("/api/answer", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({text})});
  busy(false);
  paras(el, r.ok ? (await r.json()).text : "Hmm, I could not come up with anything just now. Let's talk about something else!");
};
"""


async def answer(request):
    request.app["got"].append((await request.json())["text"])
    await asyncio.sleep(0.8)
    return web.json_response({"detail": "The model is overloaded."}, status=503)


lib.run(lib.page(JS), [("POST", "/api/answer", answer)])
