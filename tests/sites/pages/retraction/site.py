"""The site takes its answer back after it was shown: the text is replaced by a refusal (DeepSeek, Copilot, Gemini do)."""

import lib

A = "The protest took place in the capital.\n\nSeveral thousand people came to the square.\n\nThe government answered with"
B = "Sorry, that's beyond my current scope. Let's talk about something else."
JS = """
go = async (text) => {
  addUser(text); busy(true); const el = addBot();
  await sse("/chat", {text}, (d) => { const m = JSON.parse(d); if (m.text) paras(el, m.text); });
  busy(false);
};
"""


async def chat(request):
    request.app["got"].append((await request.json())["text"])
    ws = lib.words(A)
    pieces = [(0.08, lib.ev({"text": "".join(ws[: i + 1])})) for i in range(len(ws))]
    return await lib.stream(
        request,
        [*pieces, (0.5, lib.ev({"text": B})), (0.1, lib.ev({"done": True, "reason": "content_filter"}))],
    )


lib.run(lib.page(JS), [("POST", "/chat", chat)])
