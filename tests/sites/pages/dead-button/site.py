"""The button does nothing at all: whether the prompt was sent nobody can say."""

import lib

JS = """
$("send").onclick = null;
$("q").addEventListener("keydown", (e) => e.stopImmediatePropagation(), true);
"""

lib.run(lib.page(JS), [])
