"""An agent in the page: between its steps the stop button is the send button for a moment, and the next request takes a while."""

import asyncio

import lib

JS = """
go = async (text) => {
  addUser(text); const bot = add("bot");
  for (const step of [1, 2]) {
    busy(true); const el = document.createElement("div"); el.className = "answer"; bot.append(el); let out = "";
    await sse("/step", {text, step}, (d) => { out += JSON.parse(d).t; paras(el, out); });
    busy(false); await sleep(250);
  }
};
"""


async def step(request):
    b = await request.json()
    if b["step"] == 1:
        request.app["got"].append(b["text"])
    if b["step"] == 2:
        await asyncio.sleep(1.0)
    text = "I will search for it first." if b["step"] == 1 else "The tower is 330 metres high."
    return await lib.stream(request, [(0.1, lib.ev({"t": w})) for w in lib.words(text)])


lib.run(lib.page(JS), [("POST", "/step", step)])
