"""Token counts: the site's own where it tells them, else an estimate that says so. Pure."""

from __future__ import annotations

from typing import Any

from automation.turn import Prompt, UsageReported

CHARACTERS_PER_TOKEN = 4


def estimate_tokens(size_characters: int) -> int:
    """Return the tokens of a text of this length: four characters each, rounded up."""
    return -(-size_characters // CHARACTERS_PER_TOKEN)


def prompt_size(prompt: Prompt) -> int:
    """Return the characters of all messages."""
    return sum(len(message.text) for message in prompt.messages)


def usage_document(
    reported: UsageReported | None, *, prompt: int, answer: int, reasoning: int
) -> dict[str, Any]:
    """Return OpenAI's ``usage``; sizes are in characters. ``estimated`` is there only when it is true."""
    if reported is not None:
        return _document(reported.input_tokens, reported.output_tokens)
    thought = estimate_tokens(reasoning)
    document = _document(estimate_tokens(prompt), estimate_tokens(answer) + thought)
    if thought:
        document["completion_tokens_details"] = {"reasoning_tokens": thought}
    return {**document, "estimated": True}


def _document(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    total = prompt_tokens + completion_tokens
    return {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens, "total_tokens": total}
