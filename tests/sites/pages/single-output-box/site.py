"""A tool page: one field, one box for what comes out. The last answer stands in the box until the first word of the next, and both may be the same."""

import lib

HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Put it plainly</title></head><body>
<h1>Put it plainly</h1><textarea id="src" rows="4" cols="70"></textarea><button id="run">Rewrite</button><button id="clear">Clear</button>
<h2>Result</h2><output id="out" style="display:block;min-height:3em;border:1px solid"></output><script>
const $ = (id) => document.getElementById(id);
$("run").onclick = async () => {
  const text = $("src").value; if (!text.trim()) return; $("run").disabled = true; $("run").textContent = "Working…"; $("src").value = "";
  const r = await fetch("/rewrite", {method: "POST", headers: {"content-type": "text/plain"}, body: text});
  const reader = r.body.pipeThrough(new TextDecoderStream()).getReader(); let out = "";
  for (;;) { const {value, done} = await reader.read(); if (done) break; out += value; $("out").textContent = out; }
  $("run").disabled = false; $("run").textContent = "Rewrite";
};
$("clear").onclick = () => { $("out").textContent = ""; $("src").value = ""; };
</script></body></html>"""


async def rewrite(request):
    text = await request.text()
    request.app["got"].append(text)
    reply = "In plain words: it is late." if "late" in text else f"In plain words: {text}"
    pieces = [(1.2 if i == 0 else 0.15, w.encode()) for i, w in enumerate(lib.words(reply))]
    return await lib.stream(request, pieces, "text/plain; charset=utf-8")


lib.run(HTML, [("POST", "/rewrite", rewrite)])
