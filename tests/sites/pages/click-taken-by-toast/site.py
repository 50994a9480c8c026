"""A toast slides over the button in the moment of the press, and takes the first click of each message; the next one reaches the button."""

import lib
from aiohttp import web

JS = """
const answer = async (text) => { addUser(text); busy(true); const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json(); paras(addBot(), r.text); busy(false); };
go = answer;
const toast = document.createElement("div"); toast.textContent = "Tip of the day"; toast.style.cssText = "position:fixed;z-index:9;background:#ffc";
let shown = false;
// What takes the click is there a moment before it, and gone a moment after it.
$("send").addEventListener("mousemove", () => {
  if (shown) return; shown = true;
  const b = $("send").getBoundingClientRect();
  Object.assign(toast.style, {left: b.left + "px", top: b.top + "px", width: b.width + "px", height: b.height + "px"});
  document.body.append(toast); setTimeout(() => toast.remove(), 800);
});
window.onNew = () => { shown = false; };
"""


async def ask(request):
    text = (await request.json())["text"]
    request.app["got"].append(text)
    return web.json_response({"text": f"You said: {text}"})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
