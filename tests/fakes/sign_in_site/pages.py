"""The site's pages. What a person must find has a colour of its own, so that a test can find it in a picture alone."""

from __future__ import annotations

MAGENTA = (255, 0, 255)
CYAN = (0, 255, 255)
ORANGE = (255, 128, 0)
GREEN = (0, 200, 0)


def _page(title: str, body: str, script: str = "") -> str:
    return f"""<!doctype html><meta charset="utf-8"><title>{title}</title>
<style>
  body {{ margin: 40px; font: 16px sans-serif; background: #fff }}
  input, button {{ display: block; width: 260px; height: 44px; margin: 12px 0; border: 0; font-size: 18px }}
  .first {{ background: rgb{MAGENTA} }} .second {{ background: rgb{CYAN} }} .go {{ background: rgb{ORANGE} }}
</style><body>{body}<script>{script}</script>"""


CHAT = _page(
    "Chat",
    f"""<div style="width:300px;height:200px;background:rgb{GREEN}"></div>
<textarea style="width:300px;height:60px"></textarea>""",
)

PASSWORD_FORM = _page(
    "Sign in",
    """<form method="post" autocomplete="off"><input class="first" name="username">
<input class="second" name="password" type="password"><button class="go">Sign in</button></form><p>[[words]]</p>""",
)

CODE_FORM = _page(
    "One-time code",
    """<form method="post" action="code" autocomplete="off"><input class="first" name="code" inputmode="numeric">
<button class="go">Confirm</button></form><p>[[words]]</p>""",
)

QR = _page(
    "Scan to sign in",
    '<img id="qr" width="250" height="250" style="image-rendering:pixelated">',
    """
const image = document.querySelector("#qr");
let shown = "";
const ask = async () => {
  const state = await (await fetch("qr/state")).json();
  if (state.is_in) { location.href = "./"; return; }
  if (state.number !== shown) { shown = state.number; image.src = "qr/picture?number=" + shown; }
  setTimeout(ask, 200);
};
ask();
""",
)

SLIDER = _page(
    "Slide to sign in",
    f"""<div id="track" style="position:relative;width:500px;height:60px;background:#ddd;touch-action:none">
<div id="slot" style="position:absolute;left:330px;top:0;width:60px;height:60px;background:rgb{CYAN}"></div>
<div id="knob" style="position:absolute;left:0;top:0;width:60px;height:60px;background:rgb{ORANGE}"></div></div>""",
    """
const knob = document.querySelector("#knob");
let from = null, moves = 0, trusted = true;
knob.onpointerdown = (e) => { knob.setPointerCapture(e.pointerId); from = e.clientX; moves = 0; trusted = e.isTrusted; };
knob.onpointermove = (e) => {
  if (from === null) return;
  moves += 1; trusted = trusted && e.isTrusted;
  knob.style.left = Math.max(0, Math.min(440, e.clientX - from)) + "px";
};
knob.onpointerup = async () => {
  from = null;
  const left = parseFloat(knob.style.left);
  const done = await fetch("slide", { method: "POST", body: JSON.stringify({ left, moves, trusted }) });
  if (done.ok) location.href = "./"; else knob.style.left = "0px";
};
""",
)

CHECKBOX = _page(
    "Are you a person?",
    '<iframe src="[[widget]]" style="width:340px;height:120px;border:1px solid #888;margin-left:90px"></iframe>',
    """
addEventListener("message", async (e) => {
  if (e.origin !== new URL("[[widget]]").origin) return;
  const done = await fetch("check", { method: "POST", body: JSON.stringify(e.data) });
  if (done.ok) location.href = "./";
});
""",
)

WIDGET = _page(
    "Widget",
    '<div class="go" style="width:36px;height:36px"></div>',
    """
document.body.style.margin = "20px";
document.querySelector(".go").onclick = async (e) => {
  if (!e.isTrusted) return;
  const token = await (await fetch("token", { method: "POST" })).text();
  parent.postMessage({ token }, "*");
};
""",
)

CHOICES = _page(
    "Choose",
    """<select id="role" style="display:block;width:260px;height:44px;border:0;background:rgb(255,0,255)">
<option>guest</option><option>member</option></select>
<label class="second" style="display:block;width:260px;height:44px;margin:12px 0">
<input id="key" type="file" hidden></label><button class="go">Go on</button>""",
    """
document.querySelector(".go").onclick = async () => {
  if (!confirm("Is this right?")) return;
  const file = document.querySelector("#key").files[0];
  const told = { role: document.querySelector("#role").value, key: file ? await file.text() : "" };
  const done = await fetch("choose", { method: "POST", body: JSON.stringify(told) });
  if (done.ok) location.href = "./";
};
""",
)

POPUP = _page(
    "Sign in elsewhere",
    '<button class="go">Sign in with another site</button>',
    """
document.querySelector(".go").onclick = () => open("allow", "", "width=600,height=500");
addEventListener("message", () => { location.href = "./"; });
""",
)

ALLOW = _page(
    "Allow",
    '<button class="first">Allow</button>',
    """
document.querySelector(".first").onclick = async () => {
  await fetch("allowed", { method: "POST" });
  opener.postMessage("in", "*");
  close();
};
""",
)
