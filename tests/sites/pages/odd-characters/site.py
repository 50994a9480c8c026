"""Echoes what the server got, by code points. A textarea, or (/?ed) a contenteditable."""

import lib
from aiohttp import web

JS = """
let text0 = () => $("q").value;
if (document.body.dataset.ed || location.search === "?ed") { }
go = async (text) => { addUser(text); busy(true); const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json(); paras(addBot(), r.text); busy(false); };
"""


async def ask(request):
    t = (await request.json())["text"]
    request.app["got"].append(t)
    return web.json_response({"text": "Got: " + " ".join(f"{ord(c):X}" for c in t)})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
