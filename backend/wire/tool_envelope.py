"""Text format of tool calls and results, for prompts to chat pages and their history. Pure.

A call is a fenced block whose info string and whose first key are one unlikely word::

    ```toolcall
    {"toolcall": "get_weather", "arguments": {"city": "Paris"}}
    ```

A fence, because pages render Markdown: what stands in a code block comes back byte for byte, while a tag is swallowed as
HTML and plain JSON gets curly quotes and loses its underscores. The word has no ``_`` and no ``-``, which renderers drop
from info strings. It stands in the JSON too, so that a call is known even where the page lost the info string or the
fence, and an answer that shows some other JSON is not mistaken for one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WORD = "toolcall"

_BACKTICKS = re.compile(r"`{3,}")


@dataclass(frozen=True, slots=True)
class CalledTool:
    """One call of a tool by the model.

    Attributes:
        id: Ours, such as ``call_0123…``; the client sends it back with the result.
        arguments: A JSON object as text.
    """

    id: str
    name: str
    arguments: str

    def document(self) -> dict[str, Any]:
        """Return an entry of OpenAI's ``message.tool_calls``."""
        return {
            "id": self.id,
            "type": "function",
            "function": {"name": self.name, "arguments": self.arguments},
        }


def call_block(name: str, arguments: str) -> str:
    """Return one call as its block; ``arguments`` is JSON text, or else goes in as a string."""
    call = f'{{"{WORD}": {json.dumps(name, ensure_ascii=False)}, "arguments": {_canonical(arguments)}}}'
    return f"```{WORD}\n{call}\n```"


def assistant_text(text: str, calls: Sequence[tuple[str, str]]) -> str:
    """Return an assistant's message as text: its content, then its calls, each a name and its arguments.

    Both what is remembered of an answer and what a client sends back of it pass through here. So they are alike, also
    where the client trimmed the text or wrote the arguments' JSON anew.
    """
    if not calls:
        return text
    return "\n\n".join(filter(None, (text.strip(), *(call_block(*call) for call in calls))))


def result_block(number: int, name: str, text: str) -> str:
    """Return a tool's result as its block; ``number`` counts the calls of the message that asked for it, from 1."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"Result of call {number}, {name}:\n{fence}\n{text}\n{fence}"


def _canonical(arguments: str) -> str:
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        value = arguments
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
