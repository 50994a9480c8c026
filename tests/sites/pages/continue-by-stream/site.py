"""A long answer is cut off at its limit; "Continue" asks for the rest by a request of its own, whose stream holds the rest alone."""

import lib

WORDS = "One two three four five six seven eight nine ten eleven twelve"
JS = """
const part = async (el, body, before) => {
  let out = before; busy(true);
  await sse("/v1/chat/completions", body, (d) => { if (d === "[DONE]") return false; out += JSON.parse(d).choices[0].delta.content || ""; paras(el, out); });
  busy(false);
  return out;
};
go = async (text) => {
  addUser(text); const el = addBot();
  let out = await part(el, {messages: [{role: "user", content: text}]}, "");
  const more = document.createElement("button"); more.id = "more"; more.textContent = "Continue"; el.parentNode.append(more);
  more.onclick = async () => { more.remove(); out = await part(el, {action: "continue"}, out); };
};
"""


async def chat(request):
    asked = await request.json()
    is_first = "messages" in asked
    if is_first:
        request.app["got"].append(asked["messages"][-1]["content"])
    words = lib.words(WORDS)
    half = len(words) // 2
    pieces = words[:half] if is_first else words[half:]
    end = lib.chunk(finish="length" if is_first else "stop")
    return await lib.stream(
        request, [*((0.05, lib.chunk(word)) for word in pieces), (0, end), (0, lib.ev("[DONE]"))]
    )


lib.run(lib.page(JS), [("POST", "/v1/chat/completions", chat)])
