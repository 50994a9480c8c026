"""One answer in many legal forms of a stream: BOM, CRLF cut in two, comments, data over several lines, bytes cut inside an emoji, gzip, deflate."""

import json
import zlib

import lib

TEXT = "Naïve 👩‍👩‍👧‍👦 families, flags 🇫🇷🇩🇪 and ع\u200fربي‎: 日本語 \u2028 end."
JS = """
go = async (text) => {
  addUser(text); busy(true); const el = addBot(); let out = "";
  await sse("/v1/chat/completions?form=" + encodeURIComponent(text.trim()), {stream: true, messages: [{role: "user", content: text}]}, (d) => {
    if (d === "[DONE]") return false;
    out += JSON.parse(d).choices[0].delta.content || ""; paras(el, out); });
  busy(false);
};
"""


async def chat(request):
    request.app["got"].append((await request.json())["messages"][-1]["content"])
    form = request.query["form"].split()[-1].strip(".")

    def obj(t=None, f=None):
        return {"choices": [{"index": 0, "delta": {"content": t} if t else {}, "finish_reason": f}]}

    n = 7
    parts = [TEXT[i : i + n] for i in range(0, len(TEXT), n)]
    evs = [json.dumps(obj(p), ensure_ascii=False) for p in parts] + [json.dumps(obj(None, "stop")), "[DONE]"]
    headers = {}
    if form == "bom":
        body = b"\xef\xbb\xbf" + b"".join(f"data: {e}\n\n".encode() for e in evs)
        pieces = [body[i : i + 3] for i in range(0, len(body), 3)]
    elif form == "crlf":
        body = "".join(f"event: message\r\nid: {i}\r\ndata: {e}\r\n\r\n" for i, e in enumerate(evs)).encode()
        pieces = [body[i : i + 5] for i in range(0, len(body), 5)]
    elif form == "comments":
        pieces = [
            x
            for e in evs
            for x in (b": keep-alive\n\n", b"retry: 3000\n", f"data: {e}\n\n".encode(), b":\n\n")
        ]
    elif form == "multiline":
        pieces = [
            "".join(
                "data: " + line + "\n"
                for line in (
                    json.dumps(json.loads(e), indent=1, ensure_ascii=False) if e != "[DONE]" else e
                ).split("\n")
            ).encode()
            + b"\n"
            for e in evs
        ]
    elif form in ("gzip", "deflate"):
        headers["content-encoding"] = form
        c = zlib.compressobj(wbits=31 if form == "gzip" else 15)

        def comp(b):
            return c.compress(b) + c.flush(zlib.Z_SYNC_FLUSH)

        end = c.flush
        pieces = [comp(f"data: {e}\n\n".encode()) for e in evs] + [end()]
    else:
        pieces = [f"data: {e}\n\n".encode() for e in evs]
    return await lib.stream(request, [(0.01, p) for p in pieces], headers=headers)


lib.run(lib.page(JS), [("POST", "/v1/chat/completions", chat)])
