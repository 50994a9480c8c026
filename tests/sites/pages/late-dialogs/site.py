"""A consent dialog that comes up 200 ms after the first letter, a tour that comes with the answer, and a rating dialog after it."""

import lib
from aiohttp import web

JS = """
const dialog = (cls, label) => { const d = document.createElement("div"); d.className = "veil " + cls; d.innerHTML = "<div class=box><p>" + cls + "</p><button class=close>" + label + "</button></div>"; document.body.append(d); d.querySelector("button").onclick = () => d.remove(); };
let once = false; $("q").addEventListener("input", () => { if (!once) { once = true; setTimeout(() => dialog("consent", "Accept"), 60); } });
go = async (text) => {
  addUser(text); busy(true); dialog("tour", "Got it");
  const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json();
  const el = addBot(); const w = r.text.split(" "); for (let i = 1; i <= w.length; i++) { paras(el, w.slice(0, i).join(" ")); await sleep(60); }
  busy(false); once = false; dialog("rating", "Not now");
};
"""


async def ask(request):
    t = (await request.json())["text"]
    request.app["got"].append(t)
    return web.json_response({"text": f"You said: {t}"})


lib.run(
    lib.page(
        JS,
        css=".veil{position:fixed;inset:0;background:#0008;z-index:9;display:grid;place-items:center} .box{background:#fff;padding:20px}",
    ),
    [("POST", "/ask", ask)],
)
