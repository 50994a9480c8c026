"""An arena: two models answer at once, in one stream of two choices that are mixed; the page shows them in two columns. The first to speak is the second column."""

import lib

JS = """
go = async (text) => {
  addUser(text); busy(true);
  const bot = add("bot"), cols = ["A", "B"].map((name) => { const s = document.createElement("section"); s.innerHTML = "<h4>Model " + name + "</h4><div class='answer'></div>"; bot.append(s); return s.lastElementChild; });
  const out = ["", ""];
  await sse("/v1/chat/completions", {stream: true, n: 2, messages: [{role: "user", content: text}]}, (d) => {
    if (d === "[DONE]") return false;
    for (const c of JSON.parse(d).choices) { out[c.index] += c.delta.content || ""; if (out[c.index]) paras(cols[c.index], out[c.index]); }
  });
  const vote = document.createElement("div"); vote.className = "vote"; vote.innerHTML = "<button>A is better</button><button>B is better</button>"; bot.append(vote);
  busy(false);
};
"""
A = "Use a list: it keeps its order."
B = "I would take a set, because it finds members at once and holds each of them only once."


def part(index, text=None, finish=None):
    return lib.chunk(text, finish, index=index)


async def chat(request):
    request.app["got"].append((await request.json())["messages"][-1]["content"])
    a, b = lib.words(A), lib.words(B)
    pieces = [(0.3, part(1, b[0])), (0.1, part(1, b[1]))]
    for i in range(max(len(a), len(b) - 2)):
        if i < len(a):
            pieces.append((0.08, part(0, a[i])))
        elif i == len(a):
            pieces.append((0.05, part(0, finish="stop")))
        if i + 2 < len(b):
            pieces.append((0.08, part(1, b[i + 2])))
    pieces += [
        (0.1, part(1, finish="stop")),
        (0, lib.ev({"choices": [], "usage": {"completion_tokens": 30}})),
        (0, lib.ev("[DONE]")),
    ]
    return await lib.stream(request, pieces)


lib.run(
    lib.page(JS, css=".bot{display:flex;gap:20px} .bot section{flex:1}"),
    [("POST", "/v1/chat/completions", chat)],
)
