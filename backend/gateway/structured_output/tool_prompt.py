"""Builds the instructions about tools for a model on a chat page: definitions once, the choice each turn. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from backend.gateway.structured_output.tool_calls import Tool, ToolBox
from backend.wire.tool_envelope import WORD

_FORM = f"""\
You have tools. To call one, write a block of exactly this form, with {WORD} as its language:

```{WORD}
{{"{WORD}": "NAME", "arguments": {{"KEY": "VALUE"}}}}
```

- NAME is the name of a tool below, and arguments is an object that fits its JSON Schema.
- The block holds strict JSON: double quotes, line ends in strings as \\n, no comments.
- To call several tools at once, write several blocks, one after the other.
- After the last block stop: the results come with the next message, as "Result of call 1, NAME:". Never write a result \
yourself.
- Where no tool is needed, answer as usual, without such a block.

The tools:"""


def tool_instructions(tools: Iterable[Tool]) -> str:
    """Return the text that explains the tools and how to call them; the same tools make the same text."""
    return "\n\n".join([_FORM, *(_description(tool) for tool in tools)])


def tool_directive(box: ToolBox) -> str:
    """Return the instruction about tools for this turn; empty where the model is free to choose."""
    several = "" if box.is_parallel else f" Write one {WORD} block at the most."
    if box.only is not None:
        return f"Your answer to this must call the tool {box.only}, with a {WORD} block.{several}"
    if box.must_call:
        return f"Your answer to this must call a tool, with a {WORD} block.{several}"
    return several.strip()


def repair_prompt(problem: str) -> str:
    """Return the message that asks for the calls of the last answer once more."""
    return (
        f"Your last answer can't be used: {problem}.\n\n"
        f"Write its {WORD} block again, or all of them if there were several, correctly and whole: a code block with {WORD} "
        f'as its language, and in it strict JSON of the form {{"{WORD}": "NAME", "arguments": {{…}}}}. '
        "Answer with nothing else."
    )


def _description(tool: Tool) -> str:
    schema = json.dumps(tool.parameters, ensure_ascii=False)
    head = f"{tool.name}: {tool.description}" if tool.description else tool.name
    return f"{head}\n{schema}"
