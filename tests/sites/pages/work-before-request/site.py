"""The page first fetches a task and works on it (4.5 s: proof of work, Turnstile), then sends the prompt, which stands in its field until then."""

import lib
from aiohttp import web

JS = """
const send2 = async () => {
  const text = $("q").value; if (!text.trim()) return;
  const task = await (await fetch("/challenge", {method: "POST"})).json();
  await sleep(4500);
  const p = sse("/v1/chat/completions", {stream: true, token: task.id, messages: [{role: "user", content: text}]}, (d) => {
    if (d === "[DONE]") return false;
    out += JSON.parse(d).choices[0].delta.content || ""; paras(el, out); });
  $("q").value = ""; $("send").disabled = true; addUser(text); busy(true); const el = addBot(); let out = ""; await p; busy(false);
};
$("send").onclick = send2;
"""


async def challenge(request):
    return web.json_response({"id": "t1"})


async def chat(request):
    request.app["got"].append((await request.json())["messages"][0]["content"])
    return await lib.stream(
        request,
        [(0.05, lib.chunk(w)) for w in lib.words(f"Order number {len(request.app['got'])} was placed.")]
        + [(0.1, lib.chunk(finish="stop")), (0, lib.ev("[DONE]"))],
    )


lib.run(lib.page(JS), [("POST", "/challenge", challenge), ("POST", "/v1/chat/completions", chat)])
