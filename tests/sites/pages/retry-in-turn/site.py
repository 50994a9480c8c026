"""The failed answer's own place says "Something went wrong" with a Retry button; no banner, no toast."""

import lib
from aiohttp import web

JS = """
go = async (text) => {
  addUser(text); busy(true); const el = addBot();
  const r = await fetch("/ask", {method: "POST", body: JSON.stringify({text})});
  paras(el, "Something went wrong while generating the response. If this issue persists please contact us."); el.classList.add("failed");
  el.parentNode.append(Object.assign(document.createElement("button"), {className: "retry", textContent: "Retry"})); busy(false);
};
"""


async def ask(request):
    request.app["got"].append((await request.json())["text"])
    return web.Response(status=500, text="boom")


lib.run(lib.page(JS), [("POST", "/ask", ask)])
