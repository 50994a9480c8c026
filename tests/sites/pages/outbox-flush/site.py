"""Send puts the message into an outbox (IndexedDB), which is delivered 4 s later. Until then it stands in its field; only the label of Send says so."""

import json

import lib

JS = """
const tab = Math.random().toString(36).slice(2);
const db = new Promise((r) => { const o = indexedDB.open("outbox", 1); o.onupgradeneeded = () => o.result.createObjectStore("out", {autoIncrement: true}); o.onsuccess = () => r(o.result); });
const store = async (f) => { const t = (await db).transaction("out", "readwrite"); const q = f(t.objectStore("out")); return new Promise((r) => { t.oncomplete = () => r(q.result); }); };
const deliver = async (text) => {
  addUser(text); busy(true); const el = addBot(); let out = "";
  const r = await fetch("/deliver", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({text})});
  const reader = r.body.pipeThrough(new TextDecoderStream()).getReader(); let buf = "";
  for (;;) {
    const {value, done} = await reader.read(); if (done) break;
    buf += value; const lines = buf.split("\\n"); buf = lines.pop();
    for (const l of lines) { out += JSON.parse(l).piece || ""; paras(el, out); }
  }
  busy(false);
};
const flush = async () => {
  const keys = await store((s) => s.getAllKeys()), rows = await store((s) => s.getAll()), mine = [];
  for (let i = 0; i < keys.length; i++) if (rows[i].tab === tab) { mine.push(rows[i].text); await store((s) => s.delete(keys[i])); }
  $("q").value = ""; $("send").textContent = "Send"; $("send").disabled = true; pending = false;
  for (const text of mine) await deliver(text);
};
let pending = false;
$("send").onclick = async () => {
  const text = $("q").value; if (!text.trim()) return;
  $("send").textContent = "Waiting for connection";
  await store((s) => s.add({tab, text}));
  if (!pending) { pending = true; setTimeout(flush, 4000); }
};
"""


def line(value):
    return (json.dumps(value) + "\n").encode()


async def deliver(request):
    text = (await request.json())["text"]
    request.app["got"].append(text)
    pieces = [(0.1, line({"piece": w})) for w in lib.words(f"Delivered: {text} It came by the outbox.")]
    return await lib.stream(request, [*pieces, (0.1, line({"done": True}))], "application/x-ndjson")


lib.run(lib.page(JS), [("POST", "/deliver", deliver)])
