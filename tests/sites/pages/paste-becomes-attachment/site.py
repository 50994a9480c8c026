"""An editor that makes a file of what is pasted, if it is long (Claude and ChatGPT do): a chip beside the field, no text in it."""

import lib
from aiohttp import web

JS = """
const ed = $("ed"); let files = [];
const chips = () => { $("chips").textContent = files.map((f, i) => "[PASTED " + f.length + "]").join(" "); };
const put = (t) => { ed.replaceChildren(...t.split("\\n").map((l) => { const p = document.createElement("p"); if (l) p.textContent = l; else p.append(document.createElement("br")); return p; })); ed.dispatchEvent(new InputEvent("input", {bubbles: true})); };
ed.addEventListener("paste", (e) => { e.preventDefault(); const t = e.clipboardData.getData("text/plain");
  if (t.length > 4000) { files.push(t); chips(); $("send2").disabled = false; } else document.execCommand("insertText", false, t); });
ed.addEventListener("input", () => { $("send2").disabled = !(ed.innerText.trim() || files.length); });
$("send2").onclick = async () => {
  const text = [...ed.querySelectorAll("p")].length ? [...ed.querySelectorAll("p")].map((p) => p.textContent).join("\\n") : ed.innerText; const sent = files; files = []; chips(); ed.replaceChildren(); $("send2").disabled = true;
  addUser(text); busy(true); const el = addBot();
  const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text, files: sent})})).json();
  paras(el, r.text); busy(false);
};
window.onNew = () => { files = []; chips(); ed.replaceChildren(); };
"""


async def ask(request):
    b = await request.json()
    request.app["got"].append(b["text"] if not b["files"] else b)
    return web.json_response(
        {"text": f"I read a message of {len(b['text'])} characters and {len(b['files'])} files."}
    )


lib.run(
    lib.page(
        JS,
        html='<div id="chips"></div><div id="ed" class="ProseMirror" contenteditable="true" style="min-height:40px;max-height:200px;overflow:auto;border:1px solid;white-space:pre-wrap"></div><button id="send2" disabled>Send</button>',
        css="#q,#send{display:none}",
    ),
    [("POST", "/ask", ask)],
)
