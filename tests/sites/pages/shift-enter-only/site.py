"""An editor (as TipTap with a small schema) that drops line ends from typed and from pasted text; only the key Shift+Enter makes one."""

import lib
from aiohttp import web

HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Editor</title><style>[hidden]{display:none} .ProseMirror,.said{white-space:pre-wrap} .ProseMirror{border:1px solid;min-height:60px}</style></head><body>
<main></main><div class="tiptap ProseMirror" contenteditable="true" role="textbox" translate="no"><p><br class="ProseMirror-trailingBreak"></p></div>
<button class="send" disabled>Send</button><button class="halt" hidden>Halt</button><button class="fresh">New</button><script>
const $ = (q) => document.querySelector(q), ed = $(".tiptap");
const EMPTY = '<p><br class="ProseMirror-trailingBreak"></p>';
const read = () => [...ed.querySelectorAll("p")].map((p) => [...p.childNodes].map((n) => n.nodeName === "BR" ? (n.className ? "" : "\\n") : n.textContent).join("")).join("\\n");
const clean = () => {
  if (!ed.querySelector("p")) { const t = ed.textContent; ed.innerHTML = EMPTY; if (t) ed.firstChild.replaceChildren(t); getSelection().selectAllChildren(ed.firstChild); getSelection().collapseToEnd(); }
  $(".send").disabled = !read().trim();
};
const put = (t) => { if (t) document.execCommand("insertText", false, t); };
ed.addEventListener("beforeinput", (e) => {
  if (e.inputType === "insertParagraph") { e.preventDefault(); return; }
  const t = e.inputType === "insertText" ? e.data : null;
  if (t && /[\\r\\n]/.test(t)) { e.preventDefault(); put(t.replace(/[\\r\\n]+/g, "")); }
});
ed.addEventListener("paste", (e) => { e.preventDefault(); put(e.clipboardData.getData("text/plain").replace(/[\\r\\n]+/g, "")); });
ed.addEventListener("input", clean);
ed.addEventListener("keydown", (e) => {
  if (e.key !== "Enter") return; e.preventDefault();
  if (!e.shiftKey) { send(); return; }
  const s = getSelection(); if (!s.rangeCount) return; const r = s.getRangeAt(0); r.deleteContents();
  let p = r.startContainer; while (p !== ed && p.nodeName !== "P") p = p.parentNode; if (p === ed) p = ed.querySelector("p");
  const br = document.createElement("br"); r.insertNode(br); p.querySelectorAll(".ProseMirror-trailingBreak").forEach((b) => b.remove());
  const tail = document.createElement("br"); tail.className = "ProseMirror-trailingBreak"; p.append(tail);
  r.setStartAfter(br); r.collapse(true); s.removeAllRanges(); s.addRange(r); clean();
});
const show = (cls, t) => { const d = document.createElement("div"); d.className = cls; const s = document.createElement("div"); s.className = "said"; s.textContent = t; d.append(s); $("main").append(d); };
const send = async () => {
  const text = read(); if (!text.trim()) return; ed.innerHTML = EMPTY; clean(); show("q", text); $(".halt").hidden = false;
  const r = await (await fetch("/lines", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({text})})).json();
  show("a", r.text); $(".halt").hidden = true;
};
$(".send").onclick = send;
$(".fresh").onclick = () => { $("main").replaceChildren(); ed.innerHTML = EMPTY; clean(); };
</script></body></html>"""


async def lines(request):
    text = (await request.json())["text"]
    request.app["got"].append(text)
    said = "; ".join(f"{n}={line}" for n, line in enumerate(text.split("\n"), 1))
    return web.json_response({"text": f"Your lines are: {said}"})


lib.run(HTML, [("POST", "/lines", lines)])
