"""A text field from which a text of more than 3,000 characters is taken away and made a file, however it came there, unless it came by keys."""

import lib
from aiohttp import web

JS = """
let files = [];
const chips = () => { $("chips").replaceChildren(...files.map((f) => { const b = document.createElement("button"); b.textContent = "✕"; b.className = "chip"; return b; })); };
$("q").addEventListener("input", (e) => {
  if (e.inputType !== "insertText" && $("q").value.length > 3000) { files.push($("q").value); $("q").value = ""; chips(); $("send").disabled = false; }
});
const send = async () => {
  const text = $("q").value, sent = files; if (!text.trim() && !sent.length) return;
  files = []; chips(); $("q").value = ""; $("send").disabled = true; addUser(text); busy(true);
  const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text, files: sent})})).json();
  paras(addBot(), r.text); busy(false);
};
$("send").onclick = send;
window.onNew = () => { files = []; chips(); };
"""


async def ask(request):
    sent = await request.json()
    request.app["got"].append(sent["text"])
    return web.json_response({"text": f"{len(sent['text'])} characters, {len(sent['files'])} files"})


lib.run(lib.page(JS, html='<div id="chips"></div>'), [("POST", "/ask", ask)])
