"""With each question the page asks the same address for tags (told at once), for the answer, and then for questions that might follow: three streams of one form, each of whose requests holds the prompt."""

import lib

JS = """
const task = (name, text, on) => sse("/api/generate", {task: name, stream: true, messages: [...history, {role: "user", content: text}]},
  (d) => { const m = JSON.parse(d); if (m.done) return false; on(m.token); });
go = async (text) => {
  addUser(text); busy(true);
  const tags = document.createElement("p"); tags.className = "tags"; log.append(tags);
  task("tags", text, (t) => { tags.textContent += t; });
  const el = addBot(); let out = "";
  await task("answer", text, (t) => { out += t; paras(el, out); });
  history.push({role: "user", content: text}, {role: "assistant", content: out});
  busy(false);
  const more = document.createElement("p"); more.className = "more"; log.append(more);
  task("follow_ups", text, (t) => { more.textContent += t; });
};
"""
SAY = {
    "tags": (0.05, "geography, rivers, Germany, Rhine, travel and more"),
    "answer": (0.15, "The Rhine flows into the North Sea."),
    "follow_ups": (0.1, "How long is it? Where does it rise?"),
}


async def generate(request):
    body = await request.json()
    if body["task"] == "answer":
        request.app["got"].append(body["messages"][-1]["content"])
    wait, text = SAY[body["task"]]
    first = 1.2 if body["task"] == "answer" else 0.05
    tokens = [(first if i == 0 else wait, lib.ev({"token": w})) for i, w in enumerate(lib.words(text))]
    return await lib.stream(request, [*tokens, (0.05, lib.ev({"done": True}))])


lib.run(lib.page(JS), [("POST", "/api/generate", generate)])
