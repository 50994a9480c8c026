"""Two answers side by side: "Which response do you prefer?" """

import lib
from aiohttp import web

JS = """
go = async (text) => {
  addUser(text); busy(true);
  const bot = add("bot"); bot.innerHTML = '<h4 class="ask">Which response do you prefer?</h4><div class="cols" style="display:flex;gap:20px"><div class="col"><div class="answer"></div><button>I prefer this response</button></div><div class="col"><div class="answer"></div><button>I prefer this response</button></div></div>';
  const [a, b] = bot.querySelectorAll(".answer");
  const one = "The answer is forty-two, as the book says.".split(" "), two = "Forty-two. That is what Deep Thought found.".split(" ");
  await fetch("/ask", {method: "POST", body: JSON.stringify({text})});
  for (let i = 1; i <= 8; i++) { paras(a, one.slice(0, i).join(" ")); paras(b, two.slice(0, i).join(" ")); await sleep(100); }
  busy(false);
};
"""


async def ask(request):
    request.app["got"].append((await request.json())["text"])
    return web.json_response({})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
