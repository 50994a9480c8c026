"""The newest message is on top, under the field, and the list is keyed by index: every element takes over another message when one comes."""

import json

import lib

HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Newest first</title><style>[hidden]{display:none}</style></head><body>
<textarea aria-label="Question" rows="3" cols="70"></textarea><button id="ask" disabled>Ask</button><button id="halt" hidden>Halt</button><button id="fresh">Fresh chat</button>
<ol id="list"></ol><script>
let state = [];
const $ = (q) => document.querySelector(q), field = $("textarea"), list = $("#list");
const render = () => {
  while (list.children.length > state.length) list.lastElementChild.remove();
  state.forEach((m, i) => {
    let li = list.children[i];
    if (!li) { li = document.createElement("li"); li.innerHTML = "<b></b><div class='body'></div>"; list.append(li); }
    li.className = m.role; li.dataset.index = i;
    const [b, body] = li.children;
    if (b.textContent !== m.role) b.textContent = m.role;
    if (body.textContent !== m.text) body.textContent = m.text;
  });
};
field.addEventListener("input", () => { $("#ask").disabled = !field.value.trim(); });
$("#fresh").onclick = () => { state = []; render(); };
$("#ask").onclick = async () => {
  const text = field.value; field.value = ""; $("#ask").disabled = true; $("#halt").hidden = false;
  state = [{role: "me", text}, ...state]; render();
  const r = await fetch("/api/ask", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({text, n: state.filter((m) => m.role === "me").length})});
  state = [{role: "ai", text: ""}, ...state]; render();
  const reader = r.body.pipeThrough(new TextDecoderStream()).getReader(); let buf = "";
  for (;;) {
    const {value, done} = await reader.read(); if (done) break;
    buf += value; const lines = buf.split("\\n"); buf = lines.pop();
    for (const l of lines) { state = [{...state[0], text: state[0].text + JSON.parse(l)}, ...state.slice(1)]; render(); }
  }
  $("#halt").hidden = true;
};
</script></body></html>"""


async def ask(request):
    body = await request.json()
    request.app["got"].append(body["text"])
    text = f"Answer {body['n']} of this chat. The question was: {body['text']}"
    return await lib.stream(
        request, [(0.12, (json.dumps(w) + "\n").encode()) for w in lib.words(text)], "application/x-ndjson"
    )


lib.run(HTML, [("POST", "/api/ask", ask)])
