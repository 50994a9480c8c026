"""A contenteditable in paragraphs that draws emoji as empty labelled elements; what is sent has the emoji again."""

import lib
from aiohttp import web

JS = """
const ed = $("ed");
const textOf = (n) => n.dataset?.emoji ?? (n.nodeType === 3 ? n.data : [...n.childNodes].map(textOf).join(""));
const text = () => [...ed.childNodes].map(textOf).join("\\n");
const draw = (t) => t.split("\\n").map((line) => {
  const p = document.createElement("p");
  for (const part of line.split(/(\\p{Emoji_Presentation})/u).filter(Boolean)) {
    if (!/^\\p{Emoji_Presentation}$/u.test(part)) { p.append(part); continue; }
    const span = document.createElement("span"); span.setAttribute("role", "img"); span.setAttribute("aria-label", "picture of a fruit"); span.dataset.emoji = part; span.contentEditable = "false"; p.append(span);
  }
  if (!p.childNodes.length) p.append(document.createElement("br"));
  return p;
});
ed.addEventListener("input", () => { const t = text(); $("send2").disabled = !t.trim(); if (/\\p{Emoji_Presentation}/u.test(ed.textContent)) { ed.replaceChildren(...draw(t)); getSelection().selectAllChildren(ed); getSelection().collapseToEnd(); } });
$("send2").onclick = async () => { const t = text(); ed.replaceChildren(); addUser(t); busy(true); const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text: t})})).json(); paras(addBot(), r.text); busy(false); };
"""


async def ask(request):
    text = (await request.json())["text"]
    request.app["got"].append(text)
    return web.json_response({"text": f"You said: {text}"})


lib.run(
    lib.page(
        JS,
        html='<div id="ed" contenteditable="true" style="min-height:40px;border:1px solid"></div><button id="send2" disabled>Send</button>',
        css="#q,#send{display:none}",
    ),
    [("POST", "/ask", ask)],
)
