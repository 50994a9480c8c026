"""The answer is a picture (image models); under it a bar with buttons. No text at all."""

import asyncio
import base64

import lib
from aiohttp import web

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
JS = """
go = async (text) => {
  addUser(text); busy(true); const el = addBot();
  const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json();
  const i = new Image(); i.src = r.url; i.alt = r.alt; i.width = 200; i.height = 200; el.append(i);
  el.parentNode.append(Object.assign(document.createElement("button"), {className: "copy", textContent: "Download"})); busy(false);
};
"""


async def ask(request):
    request.app["got"].append((await request.json())["text"])
    await asyncio.sleep(1.5)
    return web.json_response(
        {"url": "/img/fox.png", "alt": "" if "noalt" in (await request.json())["text"] else "A red fox"}
    )


async def img(request):
    return web.Response(body=PNG, content_type="image/png")


lib.run(lib.page(JS), [("POST", "/ask", ask), ("GET", "/img/fox.png", img)])
