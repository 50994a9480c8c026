"""The HTML documents of the chat site. Pure."""

from __future__ import annotations

import json
from html import escape

from tests.fakes.chat_site.variants import Variant

WRONG_PASSWORD_WORDS = "That password is wrong. Forgot it?"

NOT_CHAT = """<!doctype html><html lang="en"><title>Our opening hours</title>
<link rel="icon" href="data:,"><h1>Opening hours</h1><p>Monday to Friday, nine to five.</p>
<form action="/v/not-chat"><input type="search" name="q" placeholder="Search"><button>Search</button></form></html>"""


def chat(name: str, variant: Variant) -> str:
    """Return the page of a variant; its script builds everything from the flags."""
    flags = json.dumps({"variant": name, "transport": variant.transport, **variant.flags})
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Chat</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/chat.css"></head>
<body><script type="application/json" id="flags">{flags}</script>
<script type="module" src="/static/chat.js"></script></body></html>"""


_OVER_FRAME = (
    """<div class="geetest_box" style="position: fixed; inset: 0; background: #cfc">Slide to go on</div>"""
)


def around_frame(address: str, *, is_checked: bool = False) -> str:
    """Return a page whose chat is in an ``<iframe>``, after another one that isn't it; a check may lie over all of it."""
    over = _OVER_FRAME if is_checked else ""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Portal</title>
<link rel="icon" href="data:,"></head><body><h1>Company portal</h1>
<iframe title="Weather" srcdoc="<textarea class=prompt></textarea>" width="200" height="80"></iframe>
<iframe id="chat-frame" title="Chat" src="{escape(address)}" width="760" height="560"></iframe>{over}</body></html>"""


def challenge(name: str, *, passes: bool) -> str:
    """Return a check in place of the page, with the widget that GeeTest's has: it passes by itself, or by a click."""
    pass_it = "() => { document.cookie = 'passed=1; path=/'; location.reload() }"
    script = (
        f"setTimeout({pass_it}, 1500)"
        if passes
        else f"document.querySelector('.geetest_box').addEventListener('click', {pass_it})"
    )
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Just a moment...</title>
<link rel="icon" href="data:,"></head><body><h1>Checking</h1>
<div class="geetest_box" style="width: 300px; height: 80px; background: #cfc">Slide to go on to {escape(name)}</div>
<script>{script}</script></body></html>"""


def login_form(name: str, error: str = "") -> str:
    """Return the sign-in page, with the site's words after a failed try."""
    message = f'<p class="login-error" role="alert">{escape(error)}</p>' if error else ""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/chat.css"></head><body>
{login_fields(name, message)}<script type="module" src="/static/login.js"></script></body></html>"""


def code_form(name: str, username: str, password: str) -> str:
    """Return the page that asks for a one-time password."""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/chat.css"></head><body>
<form class="login code" method="post" action="/login/{name}"><h1>One more step</h1>
<input type="hidden" name="username" value="{escape(username)}">
<input type="hidden" name="password" value="{escape(password)}">
<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code"></label>
<button type="submit">Verify</button></form></body></html>"""


def login_fields(name: str, message: str) -> str:
    """Return the form itself; the two-step flavour asks for the password on a second step."""
    is_two_step = name == "login-two-step"
    next_step = '<button type="button" class="next">Next</button>' if is_two_step else ""
    hidden = "hidden" if is_two_step else ""
    return f"""<form class="login" method="post" action="/login/{name}"><h1>Sign in</h1>{message}
<label>User <input name="username" autocomplete="username"></label>{next_step}
<div class="step" {hidden}><label>Password <input name="password" type="password"></label>
<button type="submit">Sign in</button></div></form>"""
