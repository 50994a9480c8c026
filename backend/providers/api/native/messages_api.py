"""Anthropic's Messages API, passed on as it is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from automation.errors import AutomationError
from backend.provider_errors import ApiFailedError
from backend.providers.api.chat.translated_stream import parse_object
from backend.providers.api.dialect import ApiRequest, WholeCompletion
from backend.providers.api.dialects.anthropic import raise_message_error, read_message_usage
from backend.providers.api.native.passed_events import PassedEvents
from backend.wire.door import DoorRequest

_TEXTS = frozenset({"text", "thinking"})


class NativeMessages:
    """The Messages API at Anthropic, and at those who took it over."""

    def request(self, door: DoorRequest, model: str | None) -> ApiRequest:
        """Return the request as it came, with the provider's name of the model."""
        return ApiRequest(f"/messages{door.query}", door.pass_on(model), headers=door.headers)

    def completion(self, body: bytes) -> WholeCompletion:
        """Return the message as it came, once it is known to be one."""
        document = parse_object(body)
        raise_message_error(document)
        if not isinstance(document.get("content"), list) or not document.get("stop_reason"):
            msg = "its answer is no whole message"
            raise ApiFailedError(msg)
        return WholeCompletion(body, read_message_usage(document.get("usage")))

    def stream(self, mask_words: Callable[[str], str] = str) -> NativeMessageStream:
        """Return the reader of a streamed message."""
        return NativeMessageStream(mask_words)


class NativeMessageStream(PassedEvents):
    """Passes the events of one message on."""

    def __init__(self, mask_words: Callable[[str], str] = str) -> None:
        super().__init__(mask_words)
        self._counts: dict[str, Any] = {}

    def note(self, document: dict[str, Any]) -> AutomationError | None:
        """Read one event; those of unknown types say nothing here."""
        match document.get("type"):
            case "message_start":
                self._note_usage(_object(document, "message").get("usage"))
            case "content_block_start":
                # An empty text or thought says nothing yet; a call does.
                if str(_object(document, "content_block").get("type")) not in _TEXTS:
                    self.has_begun = True
            case "content_block_delta":
                self.has_begun = True
            case "message_delta":
                self._note_usage(document.get("usage"))
            case "message_stop":
                self.is_finished = True
            case "error":
                return _failure_in(document)
        return None

    def _note_usage(self, usage: Any) -> None:
        """Keep the latest of each count: they are sums so far, and not every event has all."""
        if isinstance(usage, Mapping):
            self._counts |= {name: count for name, count in usage.items() if count is not None}
            self.usage = read_message_usage(self._counts)


def _failure_in(document: Mapping[str, Any]) -> AutomationError:
    try:
        raise_message_error(document)
    except AutomationError as exc:
        return exc.with_traceback(None)
    return ApiFailedError("an error without words")


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}
