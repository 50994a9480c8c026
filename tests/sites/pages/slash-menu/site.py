"""An editor with a command menu: "/" at the start or "@" open a list over the send button; Enter takes its first entry."""

import lib
from aiohttp import web

JS = """
const menu = document.createElement("div"); menu.id = "menu"; menu.hidden = true; menu.style.cssText = "position:absolute;background:#fff;border:1px solid;z-index:5;width:700px;height:120px"; menu.innerHTML = "<div class=item>/summarize</div><div class=item>/translate</div>"; document.body.append(menu);
const place = () => { const b = $("q").getBoundingClientRect(); menu.style.left = b.left + "px"; menu.style.top = (b.bottom - 30) + "px"; };
$("q").addEventListener("input", () => { menu.hidden = !(/^\\//.test($("q").value) || /@\\w*$/.test($("q").value)); if (!menu.hidden) place(); });
$("q").addEventListener("keydown", (e) => { if (menu.hidden) return; if (e.key === "Enter") { e.preventDefault(); e.stopImmediatePropagation(); $("q").value = "/summarize "; menu.hidden = true; } if (e.key === "Escape") menu.hidden = true; }, true);
go = async (text) => { menu.hidden = true; addUser(text); busy(true); const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json(); paras(addBot(), r.text); busy(false); };
"""


async def ask(request):
    t = (await request.json())["text"]
    request.app["got"].append(t)
    return web.json_response({"text": f"You said: {t}"})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
