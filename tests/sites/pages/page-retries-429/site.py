"""The page waits and asks again by itself when it is told 429 (Retry-After: 1): the person sees only a slow answer."""

import lib
from aiohttp import web

JS = """
go = async (text) => {
  addUser(text); busy(true); const el = addBot(); let out = "";
  for (;;) { const probe = {stream: true, messages: [{role: "user", content: text}]};
    try { await sse("/v1/chat/completions", probe, (d) => { if (d === "[DONE]") return false; out += JSON.parse(d).choices[0].delta.content || ""; paras(el, out); }); break; } catch (e) { await sleep(1000); } }
  busy(false);
};
"""


tries = [0]


async def chat(request):
    tries[0] += 1
    if tries[0] % 2:
        return web.json_response({"error": {"message": "busy"}}, status=429, headers={"retry-after": "1"})
    request.app["got"].append((await request.json())["messages"][-1]["content"])
    return await lib.stream(
        request,
        [(0.08, lib.chunk(w)) for w in lib.words("Here I am after all.")]
        + [(0.1, lib.chunk(finish="stop")), (0, lib.ev("[DONE]"))],
    )


lib.run(lib.page(JS), [("POST", "/v1/chat/completions", chat)])
