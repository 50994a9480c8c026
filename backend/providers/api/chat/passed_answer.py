"""Reads an answer in OpenAI's form that is passed on as it came, and mends what no client could read. Pure.

Three things are written anew where a provider writes them otherwise: why the answer ended, the indexes that tell calls of tools
apart, and arguments of calls that are an object and no text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from backend.provider_errors import ApiFailedError
from backend.providers.api.chat.translated_stream import parse_object
from backend.wire.answer_blocks import message_to_delta
from backend.wire.answers.answer_document import count_at, parse_count, read_list, read_object
from backend.wire.answers.call_sorter import CallSorter, read_call
from backend.wire.answers.finish_reasons import read_finish_reason
from backend.wire.usage import TokenUsage

_BEGINNINGS = ("content", "reasoning_content", "reasoning", "tool_calls", "refusal", "audio", "function_call")


class PassedChoice:
    """One choice of a streamed answer so far.

    Attributes:
        has_begun: Text, reasoning, a refusal or a call came.
        is_finished: It said why it ended.
    """

    def __init__(self) -> None:
        self.has_begun = False
        self.is_finished = False
        self._sorter = CallSorter()

    def mend(self, choice: dict[str, Any]) -> bool:
        """Take a piece of the choice, and return whether it was changed.

        Raises:
            ApiFailedError: It isn't one, or says that there is no proper answer.
        """
        is_mended = False
        if choice.get("finish_reason") is not None:
            is_mended = _mend_end(choice)
            self.is_finished = self.is_finished or choice["finish_reason"] is not None
        if "delta" not in choice and choice.get("message") and not self.has_begun:
            # A whole answer in the place of a piece; behind pieces it only says them again.
            message = message_to_delta(read_object(choice, "message"))
            choice["delta"] = {name: value for name, value in message.items() if value not in (None, [])}
            del choice["message"]
            is_mended = True
        delta = read_object(choice, "delta")
        if "tool_calls" in delta:
            is_mended = self._mend_calls(read_list(delta, "tool_calls")) or is_mended
        self.has_begun = self.has_begun or any(delta.get(name) for name in _BEGINNINGS)
        return is_mended

    def _mend_calls(self, calls: list[Any]) -> bool:
        is_mended = False
        for call in calls:
            sorted_call, _ = self._sorter.sort(call)
            if call.get("index") != sorted_call.index:
                call["index"] = sorted_call.index
                is_mended = True
            is_mended = _mend_arguments(call) or is_mended
        return is_mended


def parse_passed(data: bytes) -> dict[str, Any]:
    """Return the document of an answer or of one of its events; the numbers in arguments are exact.

    Raises:
        ApiFailedError: It is no JSON object.
    """
    document: Any
    try:
        document = orjson.loads(data)  # here and not in a function: this is done for every event
    except orjson.JSONDecodeError:
        document = None
    if type(document) is not dict:
        document = parse_object(data)
    if b'"tool_calls"' in data:
        choices = document.get("choices")
        if isinstance(choices, list) and any(map(_has_object_arguments, choices)):
            return parse_object(data, is_exact=True)
    found: dict[str, Any] = document
    return found


def mend_whole(choice: dict[str, Any]) -> bool:
    """Mend a choice of a whole answer, and return whether it was changed.

    Raises:
        ApiFailedError: It is none, or may be cut.
    """
    message = choice.get("message")
    if not isinstance(message, Mapping):
        msg = "a choice of its answer has no message"
        raise ApiFailedError(msg)
    is_mended = _mend_end(choice)
    if choice.get("finish_reason") is None:
        msg = "its answer has no finish_reason: it may be cut"
        raise ApiFailedError(msg)
    for call in read_list(message, "tool_calls"):
        read_call(call)
        is_mended = _mend_arguments(call) or is_mended
    return is_mended


def parse_openai_usage(usage: Any) -> TokenUsage | None:
    """Return OpenAI's ``usage``, also DeepSeek's names for what was cached; None where it says nothing."""
    if not isinstance(usage, Mapping):
        return None
    sent, got = parse_count(usage.get("prompt_tokens")), parse_count(usage.get("completion_tokens", 0))
    if sent is None or got is None:
        return None
    cached = count_at(usage, "prompt_tokens_details", "cached_tokens")
    reasoning = count_at(usage, "completion_tokens_details", "reasoning_tokens")
    return TokenUsage(sent, got, cached or count_at(usage, "prompt_cache_hit_tokens"), reasoning)


def _mend_end(choice: dict[str, Any]) -> bool:
    """Write why the choice ended in OpenAI's words."""
    said = choice.get("finish_reason")
    choice["finish_reason"] = read_finish_reason(said)
    return bool(choice["finish_reason"] != said)


def _mend_arguments(call: dict[str, Any]) -> bool:
    function = read_object(call, "function")
    if isinstance(function.get("arguments"), str | None):
        return False
    call["function"] = {**function, "arguments": read_call(call).arguments}
    return True


def _has_object_arguments(choice: Any) -> bool:
    """Whether a call in a choice has arguments that are no text; what is no choice or no call is told elsewhere."""
    said = (choice.get("delta") or choice.get("message")) if isinstance(choice, Mapping) else None
    calls = said.get("tool_calls") if isinstance(said, Mapping) else None
    if not isinstance(calls, list):
        return False
    functions = [call.get("function") for call in calls if isinstance(call, Mapping)]
    return any(
        isinstance(one, Mapping) and not isinstance(one.get("arguments"), str | None) for one in functions
    )
