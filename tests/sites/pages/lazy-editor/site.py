"""The server sends a plain textarea; when it gets the focus, the real editor is loaded and takes its place (150 ms later)."""

import lib
from aiohttp import web

JS = """
const arm = () => { $("q").addEventListener("focus", () => setTimeout(() => {
  const old = $("q"), ed = document.createElement("div"); ed.id = "ed"; ed.className = "composer"; ed.contentEditable = "true"; ed.style.cssText = "border:1px solid;min-height:40px;white-space:pre-wrap"; ed.textContent = old.value; old.replaceWith(ed); ed.focus();
  ed.addEventListener("input", () => { $("send").disabled = !ed.innerText.trim(); });
  $("send").disabled = !ed.innerText.trim();
  $("send").onclick = () => { const t = ed.innerText.trim(); ed.textContent = ""; $("send").disabled = true; go(t); };
}, 150), {once: true}); };
arm(); $("q").className = "composer";
go = async (text) => { addUser(text); busy(true); const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json(); paras(addBot(), r.text); busy(false); };
"""


async def ask(request):
    t = (await request.json())["text"]
    request.app["got"].append(t)
    return web.json_response({"text": f"You said: {t}"})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
