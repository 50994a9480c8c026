"""Follow-up suggestions stand in the last answer's turn and go when the next prompt is sent."""

import lib
from aiohttp import web

JS = """
go = async (text) => {
  document.querySelectorAll(".chips").forEach((c) => c.remove());
  addUser(text); busy(true);
  const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json();
  const el = addBot(); const w = r.text.split(" "); for (let i = 1; i <= w.length; i++) { paras(el, w.slice(0, i).join(" ")); await sleep(80); }
  const c = document.createElement("div"); c.className = "chips"; c.innerHTML = "<button>Tell me more</button><button>Why?</button>"; el.parentNode.append(c);
  busy(false);
};
"""


async def ask(request):
    request.app["got"].append((await request.json())["text"])
    return web.json_response({"text": f"This is answer number {len(request.app['got'])} of today."})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
