"""A refused question: a toast in the top layer for 900 ms says why, the turn goes away and the text is put back into the field. The request itself has status 200."""

import asyncio

import lib
from aiohttp import web

JS = """
const toast = (t) => { const d = document.createElement("div"); d.className = "toast"; d.popover = "manual"; d.textContent = t; document.body.append(d); d.showPopover(); setTimeout(() => d.remove(), 900); };
go = async (text) => {
  const u = addUser(text); busy(true);
  const r = await (await fetch("/rpc", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({method: "ask", params: [text]})})).json();
  busy(false);
  if (r.error) { u.remove(); $("q").value = text; $("send").disabled = false; toast(r.error.message); return; }
  paras(addBot(), r.result);
};
"""


async def rpc(request):
    request.app["got"].append((await request.json())["params"][0])
    await asyncio.sleep(0.8)
    return web.json_response(
        {"error": {"code": -32005, "message": "Too many messages. Try again in 20 minutes."}}
    )


lib.run(lib.page(JS), [("POST", "/rpc", rpc)])
