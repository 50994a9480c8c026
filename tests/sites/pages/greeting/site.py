"""A widget that greets: each new chat begins with a message of the assistant."""

import lib
from aiohttp import web

JS = """
const greet = () => paras(addBot(), "Hi! I am Ada. How can I help you today?");
window.onNew = greet; setTimeout(greet, 150);
go = async (text) => {
  addUser(text); busy(true);
  const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json();
  const el = addBot(); paras(el, r.text); busy(false);
};
"""


async def ask(request):
    request.app["got"].append((await request.json())["text"])
    return web.json_response({"text": "We open at nine."})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
