"""The page first asks the same address to rewrite the question for search, as RAG front ends do, then asks for the answer."""

import asyncio

import lib
from aiohttp import web

JS = """
go = async (text) => {
  addUser(text); busy(true);
  const r = await fetch("/v1/chat/completions", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({stream: false,
    messages: [{role: "system", content: "Rewrite the user's question as a search query."}, {role: "user", content: text}]})});
  window.query = (await r.json()).choices[0].message.content;
  const el = addBot(); let out = "";
  await sse("/v1/chat/completions", {stream: true, messages: [{role: "user", content: text}]}, (d) => {
    if (d === "[DONE]") return false;
    out += JSON.parse(d).choices[0].delta.content || ""; paras(el, out); });
  busy(false);
};
"""


async def chat(request):
    body = await request.json()
    if body["stream"]:
        request.app["got"].append(body["messages"][-1]["content"])
    if not body["stream"]:
        await asyncio.sleep(0.4)
        return web.json_response(
            {
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": "capital city France 2026"},
                    }
                ]
            }
        )
    return await lib.stream(
        request,
        [(0.1, lib.chunk(w)) for w in lib.words("Paris is the capital of France.")]
        + [(0.1, lib.chunk(finish="stop")), (0, lib.ev("[DONE]"))],
    )


lib.run(lib.page(JS), [("POST", "/v1/chat/completions", chat)])
