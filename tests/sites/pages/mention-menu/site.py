"""A list for "@" and "/" that comes 150 ms later, lies over Send, stays on Escape, and takes Enter in the field; what it offers is never to be picked."""

import lib
from aiohttp import web

JS = """
const answer = async (text) => { addUser(text); busy(true); const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json(); paras(addBot(), r.text); busy(false); };
go = answer;
const list = document.createElement("ul"); list.setAttribute("role", "listbox"); list.hidden = true;
list.style.cssText = "position:fixed;z-index:5;background:#fff;width:800px;height:200px;margin:0";
for (const name of ["Ada", "Grace"]) { const li = document.createElement("li"); li.setAttribute("role", "option"); li.textContent = name; li.onmousedown = () => pick(name); list.append(li); }
document.body.append(list);
const pick = (name) => { $("q").value += name; list.hidden = true; };
let timer;
$("q").addEventListener("input", () => {
  clearTimeout(timer);
  const opens = /^\\/|(^|\\s)@\\S/.test($("q").value);
  timer = setTimeout(() => { list.hidden = !opens; const b = $("send").getBoundingClientRect(); list.style.left = b.left - 50 + "px"; list.style.top = b.top - 50 + "px"; }, 150);
  if (!opens) list.hidden = true;
});
$("q").addEventListener("keydown", (e) => { if (!list.hidden && e.key === "Enter") { e.preventDefault(); e.stopImmediatePropagation(); pick("Ada"); } }, true);
$("send").addEventListener("click", () => { list.hidden = true; });
"""


async def ask(request):
    text = (await request.json())["text"]
    request.app["got"].append(text)
    return web.json_response({"text": f"You said: {text}"})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
