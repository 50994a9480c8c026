"""A long answer stops half way with a button "Continue generating"."""

import lib
from aiohttp import web

JS = """
const part = async (el, words, from) => { busy(true); for (let i = from; i <= words.length; i++) { paras(el, words.slice(0, i).join(" ")); await sleep(60); } busy(false); };
go = async (text) => {
  addUser(text); const el = addBot(); const all = "One two three four five six seven eight nine ten eleven twelve".split(" ");
  await fetch("/ask", {method: "POST", body: JSON.stringify({text})});
  await part(el, all.slice(0, 6), 1);
  const more = document.createElement("button"); more.id = "more"; more.textContent = "Continue generating"; el.parentNode.append(more);
  more.onclick = async () => { more.remove(); await part(el, all, 7); };
};
"""


async def ask(request):
    request.app["got"].append((await request.json())["text"])
    return web.json_response({})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
