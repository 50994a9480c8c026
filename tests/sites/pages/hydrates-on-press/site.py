"""The server sends a plain field and a dead button; the first press anywhere puts the real composer in their place."""

import lib
from aiohttp import web

JS = """
$("q").className = "composer"; $("send").onclick = null;
$("q").addEventListener("input", () => { $("send").disabled = !$("q").value.trim(); });
addEventListener("pointerdown", () => {
  const old = $("q"), ed = document.createElement("div"); ed.className = "composer"; ed.contentEditable = "true";
  ed.style.cssText = "border:1px solid;height:160px;white-space:pre-wrap"; ed.textContent = old.value; old.replaceWith(ed);
  const send = $("send"), live = send.cloneNode(true); send.replaceWith(live);
  ed.addEventListener("input", () => { live.disabled = !ed.innerText.trim(); });
  live.onclick = () => { const t = ed.innerText.trim(); ed.textContent = ""; live.disabled = true; go(t); };
}, {once: true});
go = async (text) => { addUser(text); busy(true); const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json(); paras(addBot(), r.text); busy(false); };
"""


async def ask(request):
    text = (await request.json())["text"]
    request.app["got"].append(text)
    return web.json_response({"text": f"You said: {text}"})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
