"""OpenAI's Responses API, passed on as it is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from automation.errors import AutomationError
from backend.provider_errors import ApiFailedError
from backend.providers.api.chat.stated_errors import parse_refusal, raise_stated_error, stated_error
from backend.providers.api.chat.translated_stream import parse_object
from backend.providers.api.dialect import ApiRequest, WholeCompletion
from backend.providers.api.native.passed_events import PassedEvents
from backend.wire.answers.answer_document import count_at, parse_count
from backend.wire.door import DoorRequest
from backend.wire.usage import TokenUsage

_ENDS = frozenset({"completed", "incomplete"})
# Before these the response has said nothing.
_SILENT = frozenset({"response.created", "response.queued", "response.in_progress"})


class NativeResponses:
    """The Responses API at OpenAI, and at those who took it over."""

    def request(self, door: DoorRequest, model: str | None) -> ApiRequest:
        """Return the request as it came, with the provider's name of the model."""
        return ApiRequest(f"/responses{door.query}", door.pass_on(model), headers=door.headers)

    def completion(self, body: bytes) -> WholeCompletion:
        """Return the response as it came, once it is known to be whole."""
        document = parse_object(body)
        raise_stated_error(document)
        if not isinstance(document.get("output"), list) or str(document.get("status")) not in _ENDS:
            msg = f"its answer is no whole response, but {document.get('status') or 'one without a status'}"
            raise ApiFailedError(msg)
        return WholeCompletion(body, read_response_usage(document.get("usage")))

    def stream(self, mask_words: Callable[[str], str] = str) -> NativeResponseStream:
        """Return the reader of a streamed response."""
        return NativeResponseStream(mask_words)


class NativeResponseStream(PassedEvents):
    """Passes the events of one response on."""

    def note(self, document: dict[str, Any]) -> AutomationError | None:
        """Read one event; those of unknown types say nothing here."""
        kind = document.get("type")
        if kind == "error":
            error = document.get("error")
            return stated_error(parse_refusal(document if error is None else {"error": error}))
        response = document.get("response")
        if kind == "response.failed":
            error = response.get("error") if isinstance(response, Mapping) else None
            return stated_error(parse_refusal({"error": error}))
        if kind in ("response.completed", "response.incomplete"):
            self.is_finished = self.has_begun = True
            self.usage = read_response_usage(response.get("usage") if isinstance(response, Mapping) else None)
        elif str(kind) not in _SILENT:
            self.has_begun = True
        return None


def read_response_usage(usage: Any) -> TokenUsage | None:
    """Return the counts of a response; None where it has none."""
    if not isinstance(usage, Mapping) or (read := parse_count(usage.get("input_tokens"))) is None:
        return None
    cached = count_at(usage, "input_tokens_details", "cached_tokens")
    thought = count_at(usage, "output_tokens_details", "reasoning_tokens")
    return TokenUsage(read, count_at(usage, "output_tokens"), cached, thought)
