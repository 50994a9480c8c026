"""A contenteditable that shows emoji as pictures (<img alt>), as messengers do; what is sent has the emoji again."""

import lib
from aiohttp import web

JS = """
const ed = $("ed"); const text = () => { let s = ""; for (const n of ed.childNodes) s += n.nodeName === "IMG" ? n.alt : n.nodeName === "BR" ? "\\n" : n.textContent; return s; };
ed.addEventListener("input", () => { const t = text(); $("send2").disabled = !t.trim(); const parts = t.split(/(\\p{Emoji_Presentation})/u); if (parts.length > 1) { ed.replaceChildren(...parts.filter(Boolean).map((p) => { if (!/^\\p{Emoji_Presentation}$/u.test(p)) return document.createTextNode(p); const i = new Image(16, 16); i.alt = p; i.src = "data:image/gif;base64,R0lGODlhAQABAAAAACw="; return i; })); getSelection().selectAllChildren(ed); getSelection().collapseToEnd(); } });
$("send2").onclick = async () => { const t = text(); ed.replaceChildren(); addUser(t); busy(true); const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text: t})})).json(); paras(addBot(), r.text); busy(false); };
"""


async def ask(request):
    t = (await request.json())["text"]
    request.app["got"].append(t)
    return web.json_response({"text": f"You said: {t}"})


lib.run(
    lib.page(
        JS,
        html='<div id="ed" contenteditable="true" style="min-height:40px;border:1px solid"></div><button id="send2" disabled>Send</button>',
        css="#q,#send{display:none}",
    ),
    [("POST", "/ask", ask)],
)
