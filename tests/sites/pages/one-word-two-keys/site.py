"""Answers of one word, shown at once 1.5 s after the question; questions are plain lines. Enter sends: there is no button."""

import asyncio

import lib
from aiohttp import web

ANSWERS = {
    "What is the capital of France?": "Paris",
    "Six times seven?": "42",
    "Is water wet?": "Yes",
    "Two plus two?": "4",
}
HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Ask</title></head><body><h1>Ask</h1><main></main>
<input name="ask" placeholder="Your question" size="60" autocomplete="off"><script>
const main = document.querySelector("main"), ask = document.querySelector("input");
const put = (cls, text) => { const p = document.createElement("p"); p.className = cls; p.textContent = text; main.append(p); };
ask.addEventListener("keydown", async (e) => {
  if (e.key !== "Enter" || !ask.value.trim()) return;
  const text = ask.value; ask.value = ""; put("line", text);
  const r = await fetch("/a", {method: "POST", body: JSON.stringify({text})});
  put("reply", (await r.json()).reply);
});
</script></body></html>"""


async def answer(request):
    text = (await request.json())["text"]
    request.app["got"].append(text)
    await asyncio.sleep(1.5)
    return web.json_response({"reply": ANSWERS.get(text, "Perhaps")})


lib.run(HTML, [("POST", "/a", answer)])
