"""The stream brings an image as base64 in one event of 1.5 MB between the words (as image models by API proxies do)."""

import base64
import os

import lib

JS = """
go = async (text) => {
  addUser(text); busy(true); const el = addBot(); let out = "";
  await sse("/v1/chat/completions", {stream: true, messages: [{role: "user", content: text}]}, (d) => {
    if (d === "[DONE]") return false;
    const c = JSON.parse(d).choices[0]; out += c.delta.content || ""; paras(el, out);
    if (c.delta.images) { const i = new Image(); i.src = c.delta.images[0].image_url.url; i.width = 100; el.parentNode.append(i); } });
  busy(false);
};
"""


async def chat(request):
    request.app["got"].append((await request.json())["messages"][-1]["content"])
    img = {
        "choices": [
            {
                "index": 0,
                "delta": {
                    "images": [
                        {
                            "type": "image_url",
                            "image_url": {
                                "url": "data:image/png;base64,"
                                + base64.b64encode(os.urandom(1_200_000)).decode()
                            },
                        }
                    ]
                },
                "finish_reason": None,
            }
        ]
    }
    return await lib.stream(
        request,
        [(0.05, lib.chunk(w)) for w in lib.words("Here is your picture: ")]
        + [(0.1, lib.ev(img))]
        + [(0.05, lib.chunk(w)) for w in lib.words("a red fox in the snow.")]
        + [(0.1, lib.chunk(finish="stop")), (0, lib.ev("[DONE]"))],
    )


lib.run(lib.page(JS), [("POST", "/v1/chat/completions", chat)])
