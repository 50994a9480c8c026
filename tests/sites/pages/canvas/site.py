"""The answer is a document in a panel beside the chat (canvas, artifact); the turn itself says where it is."""

import lib
from aiohttp import web

JS = """
go = async (text) => {
  addUser(text); busy(true); const el = addBot();
  await fetch("/ask", {method: "POST", body: JSON.stringify({text})});
  paras(el, "I have written the letter."); const card = document.createElement("button"); card.className = "card"; card.textContent = "Letter · Document"; el.parentNode.append(card);
  let c = $("canvas"); if (!c) { c = document.createElement("aside"); c.id = "canvas"; document.body.append(c); }
  const all = ["Dear Ada,", "thank you for the engine.", "Yours, Charles"]; for (let i = 1; i <= 3; i++) { paras(c, all.slice(0, i).join("\\n\\n")); await sleep(500); }
  busy(false);
};
"""


async def ask(request):
    request.app["got"].append((await request.json())["text"])
    return web.json_response({})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
