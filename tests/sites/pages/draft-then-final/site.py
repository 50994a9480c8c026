"""A fast model's draft is shown word by word, then the careful model's answer takes its place; on the wire each event is the whole text."""

import lib

JS = """
go = async (text) => {
  addUser(text); busy(true); const el = addBot();
  await sse("/api/think", {text}, (d) => { const m = JSON.parse(d); if (m.done) return false; paras(el, m.text); });
  busy(false);
};
"""
DRAFT = "The capital of Australia is Sydney, which is also its largest city."
FINAL = "It is Canberra.\n\nSydney is only the largest city."


def whole(text):
    out = lib.words(text)
    return [lib.ev({"text": "".join(out[: i + 1])}) for i in range(len(out))]


async def think(request):
    request.app["got"].append((await request.json())["text"])
    pieces = [(0.15, e) for e in whole(DRAFT)]
    final = whole(FINAL)
    pieces += [(1.5, final[0]), *((0.12, e) for e in final[1:]), (0.1, lib.ev({"done": True}))]
    return await lib.stream(request, pieces)


lib.run(lib.page(JS), [("POST", "/api/think", think)])
