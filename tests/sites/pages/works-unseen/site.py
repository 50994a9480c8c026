"""After the click the page works for 12 s in a worker (encrypts, moderates) and shows nothing of it; the prompt stands in its field until then."""

import lib
from aiohttp import web

JS = """
const answer = async (text) => { addUser(text); busy(true); const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json(); paras(addBot(), r.text); busy(false); };
const work = "onmessage = async (e) => { await new Promise((r) => setTimeout(r, 12000)); postMessage(e.data); }";
$("send").onclick = () => {
  const text = $("q").value; if (!text.trim()) return;
  const worker = new Worker(URL.createObjectURL(new Blob([work])));
  worker.onmessage = (e) => { $("q").value = ""; $("send").disabled = true; answer(e.data); };
  worker.postMessage(text);
};
"""


async def ask(request):
    text = (await request.json())["text"]
    request.app["got"].append(text)
    return web.json_response({"text": f"You said: {text}"})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
