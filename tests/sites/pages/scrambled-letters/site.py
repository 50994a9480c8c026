"""The answer comes at once, and the page lets its letters settle for 3.5 s: the text has its full length from the start, and other letters at each frame. Stop is long gone then."""

import asyncio

import lib
from aiohttp import web

JS = """
const settle = async (el, text) => {
  const p = document.createElement("p"); el.append(p); const t0 = Date.now(), abc = "abcdefghijklmnopqrstuvwxyz";
  for (;;) {
    const done = Math.floor((Date.now() - t0) / 3500 * text.length); if (done >= text.length) break;
    p.textContent = [...text].map((c, i) => i < done || c === " " ? c : abc[Math.floor(Math.random() * 26)]).join(""); await sleep(60);
  }
  p.textContent = text;
};
go = async (text) => {
  addUser(text); busy(true);
  const r = await (await fetch("/oracle", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({text})})).json();
  busy(false); settle(addBot(), r.says);
};
"""


async def oracle(request):
    request.app["got"].append((await request.json())["text"])
    await asyncio.sleep(1)
    return web.json_response({"says": "The stars say that you will soon travel to a town by the sea."})


lib.run(lib.page(JS), [("POST", "/oracle", oracle)])
