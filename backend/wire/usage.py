"""Token counts: the site's own where it gives them, else an estimate that is marked as one. Pure.

An estimate and not a tokenizer: nobody knows which one is behind a chat page, and those that bring their vocabulary along
take from 35 MB (splintr, cl100k) over 50 and 67 MB (splintr and rs-bpe, o200k) to 144 MB (bpe-openai), where all of the
gateway takes 95 MB once it is loaded. For English they come to 3.4 to 3.8 characters a token.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from automation.turn import Prompt, UsageReported
from backend.wire.answers.answer_document import parse_count
from backend.wire.answers.exact_json import parse_lenient

CHARACTERS_PER_TOKEN = 4


class TokenUsage(NamedTuple):
    """Tokens as a provider counted them.

    Attributes:
        cached: Of ``input_tokens``, those that came from the provider's cache.
        reasoning: Of ``output_tokens``, those of reasoning.
        cache_written: Of ``input_tokens``, those that went into the cache, where writing is priced apart.
    """

    input_tokens: int
    output_tokens: int
    cached: int = 0
    reasoning: int = 0
    cache_written: int = 0

    def document(self) -> dict[str, Any]:
        """Return OpenAI's ``usage``."""
        document = _document(self.input_tokens, self.output_tokens)
        written = {"cache_write_tokens": self.cache_written} if self.cache_written else {}
        document["prompt_tokens_details"] = {"cached_tokens": self.cached, **written}
        document["completion_tokens_details"] = {"reasoning_tokens": self.reasoning}
        return document


def embeddings_usage(document: bytes) -> TokenUsage | None:
    """Return the token counts in an embeddings document; None where it has none."""
    usage = parse_lenient(document).get("usage")
    tokens = parse_count(usage.get("prompt_tokens")) if isinstance(usage, dict) else None
    return TokenUsage(tokens, 0) if tokens is not None else None


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
