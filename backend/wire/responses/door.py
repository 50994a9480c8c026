"""A request of OpenAI's Responses API as it came, and the writers of its answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from backend.errors import InvalidRequestError
from backend.wire.answers.exact_json import parse_exactly
from backend.wire.chat_events import named_event
from backend.wire.chat_fields import OWN_FIELDS
from backend.wire.door import DoorName, PassedAnswer, TranslatedRequest, encode_passed_body
from backend.wire.errors import ErrorReply
from backend.wire.ids import new_id
from backend.wire.responses.document import KeptAs, response_error
from backend.wire.responses.encoder import ResponsesEncoder
from backend.wire.responses.request import ResponsesRequest
from backend.wire.responses.translate import responses_to_chat_body, untranslated_of_responses

# The provider keeps these for all callers of the gateway alike, whose key they share.
_KEPT_THERE = ("previous_response_id", "conversation", "background")
_OWN_CONVERSATIONS = frozenset({"auto", "new", "none", "temporary"})
# In a text its quotation marks would be escaped.
_ENDS = re.compile(rb'^data: ?\{\s*"type"\s*:\s*"response\.(?:completed|incomplete)"', re.MULTILINE)
_SEQUENCE_NUMBER = re.compile(rb'"sequence_number"\s*:\s*(\d+)')


class ResponsesDoor:
    """One request; it is checked and translated only where who answers it speaks another API.

    Args:
        body: With all that it refers to in its input.
        previous_response_id: That the client named, for the response repeats it.
        is_kept: The response can be gone on from.
    """

    name: DoorName = "responses"

    headers: Mapping[str, str] = MappingProxyType({})
    query = ""

    def __init__(
        self, body: dict[str, Any], *, previous_response_id: str | None = None, is_kept: bool = False
    ) -> None:
        self.body = body
        self._kept = KeptAs(new_id(""), previous_response_id, is_kept)
        self._encoder: ResponsesEncoder | PassedResponses | None = None

    @cached_property
    def _request(self) -> ResponsesRequest:
        return ResponsesRequest.model_validate(self.body)

    def translate(self) -> TranslatedRequest:
        """Return the body of a chat completion, and what is lost on the way.

        Raises:
            InvalidRequestError: Something can't be translated; ``param`` names it.
            ValidationError: It is no request of this API.
        """
        body = responses_to_chat_body(self._request)
        return TranslatedRequest(body, tuple(untranslated_of_responses(self._request)))

    def pass_on(self, model: str | None) -> bytes:
        """Return the body as it came, without the gateway's own extras, for another ``model`` where there is one.

        Raises:
            InvalidRequestError: It goes on with what the provider keeps, which may be another caller's.
        """
        _refuse_kept(self.body)
        return encode_passed_body(self.body, OWN_FIELDS, model)

    def encoder(self, *, is_native: bool = False) -> ResponsesEncoder | PassedResponses:
        """Return the writer of an answer that comes as a chat completion, or in this API's own words."""
        self._encoder = PassedResponses() if is_native else ResponsesEncoder(self._request, self._kept)
        return self._encoder

    def response(self) -> Mapping[str, Any] | None:
        """Return the whole response once it has ended well; None before, and of one that failed."""
        return None if self._encoder is None else self._encoder.response

    def refusal(self, error: ErrorReply) -> bytes:
        """Return OpenAI's ``{"error": …}``."""
        return error.encode()


class PassedResponses(PassedAnswer):
    """Passes an answer of the Responses API on."""

    def __init__(self) -> None:
        super().__init__()
        self._first = b""
        self._held = b""
        self._whole: Mapping[str, Any] | None = None

    @property
    def end(self) -> bytes:
        """The events that end the response; they were held back."""
        return self._held

    @property
    def response(self) -> Mapping[str, Any] | None:
        """The whole response; None before its end."""
        end = _ENDS.search(self._held)
        return self._whole if end is None else _response_in(self._held[end.start() :])

    def whole(self, document: bytes) -> bytes:
        """Return the document as it is."""
        parsed = parse_exactly(document)
        self._whole = parsed if isinstance(parsed, dict) else None
        return document

    def events(self, events: bytes) -> bytes:
        """Return the events as they are; with its end they are held back until all that follows from it is done."""
        self._first = self._first or events
        if self._held or _ENDS.search(events):
            self._held += events
            return b""
        return super().events(events)

    def failure(self, error: ErrorReply) -> bytes:
        """Return the event of a failure, unless the provider has told it or the response was whole already."""
        return self.end or super().failure(error)

    def error_event(self, error: ErrorReply) -> bytes:
        """Return ``response.failed`` of the response that began."""
        numbers = _SEQUENCE_NUMBER.findall(self.last)
        number = int(numbers[-1]) + 1 if numbers else 0
        response = {**self._begun(), "status": "failed", "error": response_error(error)}
        return named_event({"type": "response.failed", "sequence_number": number, "response": response})

    def _begun(self) -> dict[str, Any]:
        """Return the response as its first event told it."""
        return _response_in(self._first) or {}


def _response_in(events: bytes) -> dict[str, Any] | None:
    """Return the response that the first of some events tells, if it tells one."""
    for line in events.split(b"\n"):
        if line.startswith(b"data:"):
            document = parse_exactly(line[5:])
            response = document.get("response") if isinstance(document, dict) else None
            if isinstance(response, dict):
                return response
    return None


def _refuse_kept(body: Mapping[str, Any]) -> None:
    for name in _KEPT_THERE:
        value = body.get(name)
        if value and not (isinstance(value, str) and value in _OWN_CONVERSATIONS):
            msg = f"{name} is not supported: what the provider keeps may be another caller's."
            raise InvalidRequestError(msg, name)
    items = body.get("input")
    for at, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and item.get("type") == "item_reference":
            msg = "There is no such item among those that are kept for you. Send the item itself."
            raise InvalidRequestError(msg, f"input.{at}")
