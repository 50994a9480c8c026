"""A virtual list: rows that are out of view are taken from the page, the user's own turn too while a long answer comes."""

import lib
from aiohttp import web

JS = """
const list = []; log.style.cssText = "height:300px;overflow:auto";
const draw = () => { // bottom-stuck window: only rows that fit in the last 300 px stay mounted
  for (const r of [...log.children]) { const b = r.getBoundingClientRect(), l = log.getBoundingClientRect(); if (b.bottom < l.top - 20) { r.replaceWith(Object.assign(document.createElement("div"), {className: "spacer", style: "height:" + b.height + "px"})); } } };
go = async (text) => {
  addUser(text); busy(true);
  const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json();
  const el = addBot(); for (let i = 1; i <= r.lines.length; i++) { paras(el, r.lines.slice(0, i).join("\\n\\n")); log.scrollTop = 1e6; draw(); await sleep(60); }
  busy(false);
};
"""


async def ask(request):
    request.app["got"].append((await request.json())["text"])
    return web.json_response({"lines": [f"Line {i} of the answer." for i in range(1, 31)]})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
