"""The stream breaks in mid-answer (the connection is reset); a second later the page asks for the rest from the last event that it has, and appends it."""

import asyncio

import lib
from aiohttp import web

answers: dict[str, list[str]] = {}
JS = """
const read = async (r, on) => {
  const reader = r.body.pipeThrough(new TextDecoderStream()).getReader(); let buf = "";
  for (;;) {
    const {value, done} = await reader.read(); if (done) return;
    buf += value; const blocks = buf.split("\\n\\n"); buf = blocks.pop();
    for (const b of blocks) on(JSON.parse(b.replace(/^data: /, "")));
  }
};
const status = document.createElement("p"); $("f").before(status);
go = async (text) => {
  addUser(text); busy(true); const el = addBot(); let out = "", id, seq = 0, whole = false;
  const on = (m) => { id = m.id; seq = m.seq; if (m.done) { whole = true; return; } out += m.delta; paras(el, out); };
  try { await read(await fetch("/api/chat", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({message: text})}), on); } catch (e) {}
  while (!whole) {
    status.textContent = "Reconnecting…"; await sleep(1000);
    try { await read(await fetch(`/api/chat/${id}/resume?after=${seq}`), on); } catch (e) {}
  }
  status.textContent = ""; busy(false);
};
"""


async def send(request, name, after, until):
    r = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await r.prepare(request)
    tokens = answers[name]
    for i in range(after, min(until, len(tokens))):
        await r.write(lib.ev({"id": name, "seq": i + 1, "delta": tokens[i]}))
        await asyncio.sleep(0.12)
    if until < len(tokens):
        request.transport.abort()
        return r
    await r.write(lib.ev({"id": name, "seq": len(tokens), "done": True}))
    await r.write_eof()
    return r


async def chat(request):
    text = (await request.json())["message"]
    request.app["got"].append(text)
    name = f"a{len(answers) + 1}"
    answers[name] = lib.words(f"A broken line is no broken word.\n\nYou said: {text} And here it ends.")
    return await send(request, name, 0, 5)


async def resume(request):
    after = int(request.query["after"])
    return await send(request, request.match_info["name"], after, after + (4 if after < 6 else 100))


lib.run(lib.page(JS), [("POST", "/api/chat", chat), ("GET", "/api/chat/{name}/resume", resume)])
