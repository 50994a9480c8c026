"""A minimal chat site: each case adds its own page script and routes. Python + aiohttp, nothing else.

`python site.py PORT` serves a site by itself. A test sets `hand_over` and gets the application instead.
"""

import asyncio
import json
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

# The applications of the sites that were loaded, for whoever serves them in its own process.
hand_over: list[web.Application] | None = None

HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Chat</title><style>
body{font:16px sans-serif;margin:20px} #log{min-height:200px} .user{background:#eef;padding:6px;margin:6px} .bot{padding:6px;margin:6px}
textarea{width:600px;height:60px} [hidden]{display:none!important} %(css)s</style></head><body>
<div id="log"></div>%(html)s
<form id="f"><textarea id="q" placeholder="Ask anything"></textarea><button id="send" type="button" disabled>Send</button>
<button id="stop" type="button" hidden>Stop</button><button id="new" type="button">New chat</button></form>
<script>
const $ = (id) => document.getElementById(id), log = $("log");
const add = (cls, text) => { const d = document.createElement("div"); d.className = cls; d.textContent = text || ""; log.append(d); return d; };
const addUser = (t) => add("user", t);
const addBot = () => { const d = add("bot"); const a = document.createElement("div"); a.className = "answer"; d.append(a); return a; };
const busy = (on) => { $("stop").hidden = !on; $("send").hidden = on; };
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
const paras = (el, text) => { el.replaceChildren(...text.split("\\n\\n").map((t) => { const p = document.createElement("p"); p.textContent = t; return p; })); };
// Reads one SSE response; calls on(data) for each event.
const sse = async (url, body, on) => {
  const r = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!r.ok) throw new Error(await r.text());
  const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
  let buf = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    buf += value;
    let m;
    while ((m = buf.match(/\\r?\\n\\r?\\n/))) {
      const block = buf.slice(0, m.index); buf = buf.slice(m.index + m[0].length);
      const data = block.split(/\\r?\\n/).filter((l) => l.startsWith("data:")).map((l) => l.slice(5).replace(/^ /, "")).join("\\n");
      if (data && (await on(data)) === false) return;
    }
  }
};
let history = [];
let go = async (text) => {};
$("q").addEventListener("input", () => { $("send").disabled = !$("q").value.trim(); });
const submit = () => { const t = $("q").value; if (!t.trim()) return; $("q").value = ""; $("send").disabled = true; go(t); };
$("send").onclick = () => submit();
$("q").addEventListener("keydown", (e) => { if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); submit(); } });
$("new").onclick = () => { log.replaceChildren(); history = []; if (window.onNew) onNew(); };
%(js)s
</script></body></html>"""


def page(js: str, html: str = "", css: str = "") -> str:
    return HTML % {"js": js, "html": html, "css": css}


async def stream(
    request: web.Request,
    pieces: Iterable[tuple[float, bytes]],
    ctype: str = "text/event-stream",
    headers: dict[str, str] | None = None,
) -> web.StreamResponse:
    """pieces: iterable of (seconds to wait before, bytes)."""
    r = web.StreamResponse(headers={"content-type": ctype, "cache-control": "no-cache", **(headers or {})})
    await r.prepare(request)
    for wait, data in pieces:
        if wait:
            await asyncio.sleep(wait)
        await r.write(data)
    await r.write_eof()
    return r


def ev(obj: Any) -> bytes:
    return f"data: {obj if isinstance(obj, str) else json.dumps(obj)}\n\n".encode()


def chunk(text: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": ({"content": text} if text else {}), "finish_reason": finish, **more}
    return ev({"choices": [choice]})


def words(text: str) -> list[str]:
    out = text.split(" ")
    return [w + (" " if i < len(out) - 1 else "") for i, w in enumerate(out)]


def build(html: str | Callable[[], str], routes: Iterable[tuple[str, str, Any]] = ()) -> web.Application:
    app = web.Application(client_max_size=64 * 2**20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", web.NotAppKeyWarning)  # each site reads it by this name
        app["got"] = []

    async def index(request: web.Request) -> web.Response:
        return web.Response(text=html() if callable(html) else html, content_type="text/html")

    async def got(request: web.Request) -> web.Response:
        return web.json_response(app["got"])

    app.router.add_get("/", index)
    app.router.add_get("/__got", got)
    for method, path, handler in routes:
        app.router.add_route(method, path, handler)
    return app


def run(html: str | Callable[[], str], routes: Iterable[tuple[str, str, Any]] = ()) -> None:
    app = build(html, routes)
    if hand_over is not None:
        hand_over.append(app)
    else:
        web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
