"""The page asks before it is left ("Changes may not be saved") and "New chat" asks by confirm()."""

import lib
from aiohttp import web

JS = """
window.addEventListener("beforeunload", (e) => { e.preventDefault(); e.returnValue = "sure?"; });
$("new").onclick = () => { if (confirm("Discard this chat?")) { log.replaceChildren(); } };
go = async (text) => { addUser(text); busy(true); const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json(); paras(addBot(), r.text); busy(false); };
"""


async def ask(request):
    t = (await request.json())["text"]
    request.app["got"].append(t)
    return web.json_response({"text": f"You said: {t}"})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
