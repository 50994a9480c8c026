"""Data types of a library call: the request, and its result. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from backend.accounts.states import AccountState
from backend.wire.answers.answer_document import read_objects

AccountStatus = AccountState


@dataclass(frozen=True, slots=True)
class CallParams:
    """Parameters of one call.

    Attributes:
        messages: OpenAI's, oldest first.
        enable_thinking: Have an API's model reason first (``reasoning_effort`` "medium" where ``extra`` says no other).
        enable_search: Have an API search the web (``web_search_options``).
        model: None for the provider's default.
        extra: Fields for an API's body, as they are.
    """

    messages: Sequence[Mapping[str, Any]]
    enable_thinking: bool = False
    enable_search: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None

    def body(self, model: str | None) -> dict[str, Any]:
        """Return the chat body for an API."""
        made: dict[str, Any] = {"messages": [dict(message) for message in self.messages]}
        if model is not None:
            made["model"] = model
        if self.enable_thinking:
            made["reasoning_effort"] = "medium"
        if self.enable_search:
            made["web_search_options"] = {}
        return {**made, **self.extra}


@dataclass(frozen=True, slots=True)
class CallResult:
    """A whole answer.

    Attributes:
        raw_response: An API's ``chat.completion``; of a page, the events that were read.
        sources: ``{"url", "title"}`` of each page that is cited.
        rankings: Results of your own ``ResponseParser``; nothing here sets them.
        metadata: ``provider``, ``account``, ``model``, ``finish_reason``, ``usage``, ``tool_calls``, ``ignored`` (what had no
            effect).
    """

    raw_response: Any
    content: str
    reasoning: str | None = None
    sources: Sequence[Mapping[str, Any]] = ()
    rankings: Sequence[Mapping[str, Any]] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


class ResponseParser(Protocol):
    """Reads more out of an answer, such as ``rankings``."""

    def parse(self, result: CallResult) -> CallResult:
        """Return the result with what was found; ``dataclasses.replace`` makes it."""
        ...


class PassthroughParser:
    """Leaves answers as they are."""

    def parse(self, result: CallResult) -> CallResult:
        """Return the same."""
        return result


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """State of an account.

    Attributes:
        reason: Why it can't be used.
    """

    id: str
    status: AccountStatus
    reason: str | None = None


def build_call_result(document: Mapping[str, Any], **metadata: Any) -> CallResult:
    """Return a ``chat.completion`` as a result.

    Raises:
        ApiFailedError: Its annotations are no objects.
    """
    choice = document["choices"][0]
    message = choice["message"]
    notes = read_objects(message, "annotations")
    cited = [note["url_citation"] for note in notes if isinstance(note.get("url_citation"), Mapping)]
    return CallResult(
        raw_response=document,
        content=message.get("content") or "",
        reasoning=message.get("reasoning_content") or message.get("reasoning"),
        sources=[{"url": page.get("url"), "title": page.get("title")} for page in cited],
        metadata={
            "model": document.get("model"),
            "finish_reason": choice.get("finish_reason"),
            "usage": document.get("usage") or {},
            "tool_calls": message.get("tool_calls") or [],
            **metadata,
        },
    )
