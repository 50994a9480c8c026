"""The page runs tools itself: the model says a few words, calls one, the page asks again with its result."""

import lib

JS = """
go = async (text) => {
  addUser(text); busy(true);
  const bot = add("bot"); let messages = [{role: "user", content: text}], call = true;
  while (call) {
    call = null; const el = document.createElement("div"); el.className = "answer"; bot.append(el); let out = "";
    await sse("/v1/chat/completions", {stream: true, messages}, (d) => {
      if (d === "[DONE]") return false;
      const c = JSON.parse(d).choices[0];
      if (c.delta.content) { out += c.delta.content; paras(el, out); }
      if (c.delta.tool_calls) call = c.delta.tool_calls[0]; });
    messages.push({role: "assistant", content: out, tool_calls: call ? [call] : undefined});
    if (call) { await sleep(300); messages.push({role: "tool", tool_call_id: call.id, content: "21 C"}); }
  }
  busy(false);
};
"""


async def chat(request):
    body = await request.json()
    if body["messages"][-1]["role"] == "tool":
        return await lib.stream(
            request,
            [(0.1, lib.chunk(w)) for w in lib.words("It is 21 degrees in Paris.")]
            + [(0.1, lib.chunk(finish="stop")), (0, lib.ev("[DONE]"))],
        )
    request.app["got"].append(body["messages"][-1]["content"])
    call = {
        "index": 0,
        "delta": {
            "tool_calls": [
                {
                    "index": 0,
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": "{}"},
                }
            ]
        },
        "finish_reason": None,
    }
    return await lib.stream(
        request,
        [(0.1, lib.chunk(w)) for w in lib.words("Let me look that up.")]
        + [(0.1, lib.ev({"choices": [call]})), (0.1, lib.chunk(finish="tool_calls")), (0, lib.ev("[DONE]"))],
    )


lib.run(lib.page(JS), [("POST", "/v1/chat/completions", chat)])
