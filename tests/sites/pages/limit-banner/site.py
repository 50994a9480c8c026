"""Out of messages: after the first answer a banner says so (also after a reload) and the field is closed."""

import lib
from aiohttp import web

JS = """
const limit = () => { $("limit").hidden = false; $("q").disabled = true; $("send").disabled = true; };
if (document.cookie.includes("out=1")) limit();
go = async (text) => {
  addUser(text); busy(true);
  const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json();
  paras(addBot(), r.text); busy(false);
  document.cookie = "out=1; path=/"; limit();
};
"""


async def ask(request):
    request.app["got"].append((await request.json())["text"])
    return web.json_response({"text": "That was your last one."})


lib.run(
    lib.page(
        JS,
        html='<div id="limit" role="alert" hidden>You are out of free messages until 5:00 PM. Upgrade to keep chatting.</div>',
    ),
    [("POST", "/ask", ask)],
)
