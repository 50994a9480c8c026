"""Messages carry how long ago they were ("just now", "2 s ago"); a new one is shown when the server has taken it, 1.5 s later."""

import asyncio

import lib
from aiohttp import web

JS = """
const ago = (d) => { const t0 = Date.now(); const s = document.createElement("small"); s.textContent = "just now"; d.append(s);
  setInterval(() => { const n = Math.floor((Date.now() - t0) / 1000); s.textContent = n < 1 ? "just now" : n + " s ago"; }, 500); };
const submit2 = async () => {
  const text = $("q").value; $("q").value = ""; $("send").disabled = true;
  const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json();
  const u = addUser(text); ago(u); busy(true); await sleep(500);
  const el = addBot(); const w = r.text.split(" "); for (let i = 1; i <= w.length; i++) { paras(el, w.slice(0, i).join(" ")); await sleep(80); }
  el.parentNode.append(Object.assign(document.createElement("button"), {className: "copy", textContent: "Copy"})); busy(false);
};
$("send").onclick = submit2;
"""


async def ask(request):
    request.app["got"].append((await request.json())["text"])
    await asyncio.sleep(1.5)
    return web.json_response({"text": f"This is answer number {len(request.app['got'])} of today."})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
