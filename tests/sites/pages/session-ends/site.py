"""After the first answer the session is over: the page's request is redirected to the sign-in page (HTML, status 200) and the page goes there a second later."""

import lib
from aiohttp import web

ok = {"n": 0}
JS = """
go = async (text) => {
  addUser(text); busy(true);
  const r = await fetch("/v1/chat/completions", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({stream: true, messages: [{role: "user", content: text}]})});
  if (r.redirected || !(r.headers.get("content-type") || "").includes("event-stream")) { await sleep(1000); location.href = "/login"; return; }
  const el = addBot(); let out = ""; const t = await r.text(); for (const l of t.split("\\n")) if (l.startsWith("data: {")) out += JSON.parse(l.slice(6)).choices[0].delta.content || ""; paras(el, out); busy(false);
};
"""
LOGIN = "<form method=post action=/login><input name=user><input name=pass type=password><button type=submit>Sign in</button></form>"
sessions = {}


async def index(request):
    if request.cookies.get("s") not in sessions:
        raise web.HTTPFound("/login")
    return web.Response(text=lib.page(JS), content_type="text/html")


async def login(request):
    return web.Response(text=LOGIN, content_type="text/html")


async def signin(request):
    await request.post()
    import secrets

    s = secrets.token_hex(4)
    sessions[s] = 2
    r = web.HTTPFound("/chat")
    r.set_cookie("s", s)
    raise r


async def chat(request):
    s = request.cookies.get("s")
    if not sessions.get(s):
        sessions.pop(s, None)
        raise web.HTTPFound("/login")
    sessions[s] -= 1
    request.app["got"].append((await request.json())["messages"][-1]["content"])
    return await lib.stream(
        request,
        [(0.05, lib.chunk(w)) for w in lib.words("You are signed in.")]
        + [(0.1, lib.chunk(finish="stop")), (0, lib.ev("[DONE]"))],
    )


lib.run(
    "<script>location.href='/chat'</script>",
    [
        ("GET", "/chat", index),
        ("GET", "/login", login),
        ("POST", "/login", signin),
        ("POST", "/v1/chat/completions", chat),
    ],
)
