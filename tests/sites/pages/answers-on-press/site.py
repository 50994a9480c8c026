"""The button acts when it is pressed, not when it is let go: the answer stands there before the click is over, and has one word."""

import lib

JS = """
$("send").onclick = null;
$("send").onmousedown = () => {
  const text = $("q").value; if (!text.trim()) return;
  $("q").value = ""; $("send").disabled = true; addUser(text); paras(addBot(), "Paris");
  navigator.sendBeacon("/heard", text);
};
"""


async def heard(request):
    request.app["got"].append(await request.text())
    return lib.web.Response(status=204)


lib.run(lib.page(JS), [("POST", "/heard", heard)])
