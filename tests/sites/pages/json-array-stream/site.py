"""One JSON array that grows: "[{…}\\n,{…}\\n]" (Gemini's streamGenerateContent without alt=sse)."""

import json

import lib

JS = """
go = async (text) => { addUser(text); busy(true); const el = addBot(); const r = await fetch("/stream", {method: "POST", body: JSON.stringify({text})}); const rd = r.body.pipeThrough(new TextDecoderStream()).getReader(); let buf = "";
  for (;;) { const {value, done} = await rd.read(); if (done) break; buf += value; let all; try { all = JSON.parse(buf.replace(/,?\\s*$/, "") + (buf.trimEnd().endsWith("]") ? "" : "]")); } catch { continue; } paras(el, all.map((x) => x.t).join("")); }
  busy(false); };
"""


async def stream(request):
    request.app["got"].append((await request.json())["text"])
    ws = lib.words("One array that grows word by word until it is closed.")
    return await lib.stream(
        request,
        [
            (0.08, ((b"[" if i == 0 else b",") + json.dumps({"t": w}).encode() + b"\n"))
            for i, w in enumerate(ws)
        ]
        + [(0.05, b"]")],
        ctype="application/json",
    )


lib.run(lib.page(JS), [("POST", "/stream", stream)])
