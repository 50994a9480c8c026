"""The draft is kept in localStorage and followed in the account's other tabs (storage event), written 250 ms after the last change."""

import asyncio

import lib
from aiohttp import web

JS = """
let t; const save = () => { clearTimeout(t); t = setTimeout(() => localStorage.setItem("draft", $("q").value), 250); };
$("q").addEventListener("input", save);
const take = (v) => { $("q").value = v || ""; $("send").disabled = !$("q").value.trim(); };
take(localStorage.getItem("draft"));
window.addEventListener("storage", (e) => { if (e.key === "draft") take(e.newValue); });
go = async (text) => { save(); addUser(text); busy(true); const r = await (await fetch("/ask", {method: "POST", body: JSON.stringify({text})})).json(); paras(addBot(), r.text); busy(false); };
"""


async def ask(request):
    t = (await request.json())["text"]
    request.app["got"].append(t)
    await asyncio.sleep(0.3)
    return web.json_response({"text": f"You said: {t}"})


lib.run(lib.page(JS), [("POST", "/ask", ask)])
