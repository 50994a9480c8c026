"""The answer comes by GET and may be kept: the same question again is answered from the browser's cache."""

import lib

JS = """
go = async (text) => {
  addUser(text); busy(true); const el = addBot();
  const r = await fetch("/answer?q=" + encodeURIComponent(text)); const rd = r.body.pipeThrough(new TextDecoderStream()).getReader(); let out = "";
  for (;;) { const {value, done} = await rd.read(); if (done) break; out += value; paras(el, out); }
  busy(false);
};
"""


async def answer(request):
    request.app["got"].append(request.query["q"])
    return await lib.stream(
        request,
        [(0.05, w.encode()) for w in lib.words("An answer that never changes.")],
        ctype="text/plain",
        headers={"cache-control": "max-age=600"},
    )


async def answer2(request):
    return await answer(request)


lib.run(lib.page(JS), [("GET", "/answer", answer2)])
