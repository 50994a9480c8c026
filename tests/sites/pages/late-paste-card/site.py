"""An editor whose longer pastes become a card half a second later, and which makes one line of what is typed in one go. Only keyed Shift+Enter gives a line."""

import lib
from aiohttp import web

HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Notes</title><style>[hidden]{display:none} #ed{border:1px solid;min-height:60px;white-space:pre-wrap} .card{border:1px solid;padding:4px}</style></head><body>
<div id="log"></div><div id="composer"><div id="cards"></div><div id="ed" contenteditable="true" role="textbox" aria-label="Message"></div>
<button id="send" disabled>Send</button><button id="stop" hidden>Stop</button><button id="new">New chat</button></div><script>
const $ = (id) => document.getElementById(id), ed = $("ed");
let cards = [];
const draw = () => {
  $("cards").replaceChildren(...cards.map((c, i) => { const d = document.createElement("div"); d.className = "card"; d.textContent = "PASTED " + c.split("\\n").length + " lines "; const x = document.createElement("button"); x.textContent = "×"; x.onclick = () => { cards.splice(i, 1); draw(); }; d.append(x); return d; }));
  $("send").disabled = !ed.innerText.trim() && !cards.length;
};
ed.addEventListener("input", draw);
ed.addEventListener("beforeinput", (e) => {
  if (e.inputType !== "insertText" || !/[\\r\\n]/.test(e.data || "")) return;
  e.preventDefault(); document.execCommand("insertText", false, e.data.replace(/[\\r\\n]+/g, " "));
});
ed.addEventListener("paste", (e) => {
  e.preventDefault(); const text = e.clipboardData.getData("text/plain");
  if (text.length > 150 || text.split("\\n").length > 3) { setTimeout(() => { cards.push(text); draw(); }, 500); return; }
  text.split("\\n").forEach((l, i) => { if (i) document.execCommand("insertLineBreak"); if (l) document.execCommand("insertText", false, l); });
});
const send = async () => {
  const text = ed.innerText.replace(/\\n$/, ""), files = cards; if (!text.trim() && !files.length) return;
  ed.replaceChildren(); cards = []; draw();
  const u = document.createElement("div"); u.className = "user"; u.style.whiteSpace = "pre-wrap"; u.textContent = text; $("log").append(u);
  $("stop").hidden = false; $("send").hidden = true;
  const r = await (await fetch("/note", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({text, files})})).json();
  const b = document.createElement("div"); b.className = "bot"; b.innerHTML = "<div class='answer'></div>"; b.firstChild.textContent = r.text; $("log").append(b);
  $("stop").hidden = true; $("send").hidden = false;
};
$("send").onclick = send;
ed.addEventListener("keydown", (e) => {
  if (e.key !== "Enter") return;
  e.preventDefault(); if (e.shiftKey) document.execCommand("insertLineBreak"); else send();
});
$("new").onclick = () => { $("log").replaceChildren(); ed.replaceChildren(); draw(); };
</script></body></html>"""


async def note(request):
    body = await request.json()
    text, files = body["text"], body["files"]
    request.app["got"].append(text if not files else {"text": text, "files": files})
    lines = len(text.split("\n"))
    return web.json_response({"text": f"Noted: {lines} lines, {len(text)} characters, {len(files)} files."})


lib.run(HTML, [("POST", "/note", note)])
