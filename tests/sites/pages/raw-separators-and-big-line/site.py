"""JSON lines in which U+2028, U+2029 and U+0085 stand raw (legal in JSON), and between the words a line of 6 MB: what a search found, of which the page shows the number."""

import json

import lib

JS = """
go = async (text) => {
  addUser(text); busy(true); const el = addBot(); let out = "";
  el.style.whiteSpace = "pre-wrap";
  const r = await fetch("/api/run", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({text})});
  const reader = r.body.pipeThrough(new TextDecoderStream()).getReader(); let parts = [];
  for (;;) {
    const {value, done} = await reader.read(); if (done) break;
    if (!value.includes("\\n")) { parts.push(value); continue; }
    const lines = (parts.join("") + value).split("\\n"); parts = [lines.pop()];
    for (const l of lines) { const m = JSON.parse(l); if (m.kind === "text") { out += m.text; el.textContent = out; } if (m.kind === "found") status.textContent = m.hits.length + " pages found"; }
  }
  busy(false);
};
const status = document.createElement("p"); $("f").before(status);
"""
PIECES = [
    "One line,\u2028",
    "another\u2028line",
    " and a para\u2029graph,",
    " a next\u0085line",
    " and \u001ca rare one.",
    " The end.",
]


def line(value):
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


async def run_it(request):
    request.app["got"].append((await request.json())["text"])
    found = line(
        {
            "kind": "found",
            "hits": [{"url": f"https://example.com/{n}", "text": "x" * 60000} for n in range(100)],
        }
    )
    out = [(0.3, line({"kind": "text", "text": p})) for p in PIECES]
    return await lib.stream(
        request, [*out[:2], (0.2, found), *out[2:], (0.1, line({"kind": "end"}))], "application/x-ndjson"
    )


lib.run(lib.page(JS), [("POST", "/api/run", run_it)])
