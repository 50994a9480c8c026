"""Web components: rows of one kind, three open shadow roots deep; only the name inside, which comes 150 ms later, tells who speaks."""

import json

import lib

HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Components</title></head><body><chat-app></chat-app><script>
const shadow = (tag, html, more) => customElements.define(tag, class extends HTMLElement { connectedCallback() { if (this.shadowRoot) return; this.attachShadow({mode: "open"}).innerHTML = html; more && more.call(this, this.shadowRoot); } });
shadow("message-head", "<span class='name'></span><time>now</time>", function (r) { setTimeout(() => { r.querySelector(".name").textContent = this.getAttribute("who"); }, 150); });
shadow("message-body", "<div class='md'></div>", function (r) { this.say = (t) => { r.firstElementChild.replaceChildren(...t.split("\\n\\n").map((x) => Object.assign(document.createElement("p"), {textContent: x}))); }; });
shadow("message-row", "<message-head></message-head><message-body></message-body>", function (r) { r.querySelector("message-head").setAttribute("who", this.dataset.who); });
shadow("message-list", "<section></section>", function (r) { this.put = (who) => { const row = document.createElement("message-row"); row.dataset.who = who; r.firstElementChild.append(row); return row.shadowRoot.querySelector("message-body"); }; this.wipe = () => r.firstElementChild.replaceChildren(); });
shadow("message-composer", "<textarea rows='3' cols='60' aria-label='Message'></textarea><button part='send'>Send</button><button part='stop' hidden>Stop</button>", function (r) {
  const field = r.querySelector("textarea"), stop = r.querySelector("[part=stop]");
  this.busy = (on) => { stop.hidden = !on; };
  r.querySelector("[part=send]").onclick = () => { const text = field.value; if (!text.trim()) return; field.value = ""; this.dispatchEvent(new CustomEvent("ask", {detail: text})); };
});
shadow("chat-app", "<button id='fresh'>New conversation</button><message-list></message-list><message-composer></message-composer>", function (r) {
  const list = r.querySelector("message-list"), composer = r.querySelector("message-composer");
  r.getElementById("fresh").onclick = () => list.wipe();
  composer.addEventListener("ask", async (e) => {
    list.put("You").say(e.detail); composer.busy(true);
    const res = await fetch("/talk", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({text: e.detail})});
    const reader = res.body.pipeThrough(new TextDecoderStream()).getReader(); const body = list.put("Helper"); let out = "", buf = "";
    for (;;) { const {value, done} = await reader.read(); if (done) break; buf += value; const ls = buf.split("\\n"); buf = ls.pop(); for (const l of ls) { out += JSON.parse(l); body.say(out); } }
    composer.busy(false);
  });
});
</script></body></html>"""


async def talk(request):
    text = (await request.json())["text"]
    request.app["got"].append(text)
    reply = f"You are heard.\n\nYou said: {text}"
    return await lib.stream(
        request, [(0.15, (json.dumps(w) + "\n").encode()) for w in lib.words(reply)], "application/x-ndjson"
    )


lib.run(HTML, [("POST", "/talk", talk)])
