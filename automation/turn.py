"""The words of a turn: what goes in, and the events that come out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "content_filter"]
CaptureSource = Literal["wire", "dom"]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message: its name, its media type and its bytes."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the client's request, its parts joined to text."""

    role: Role
    text: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a client asks in one turn.

    Attributes:
        messages: Oldest first; the last one is what the page must answer.
        model: The site's model to choose before sending, or None for what is chosen there.
    """

    messages: tuple[Message, ...]
    model: str | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the answer, in Markdown. Deltas joined are the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of the model's reasoning, apart from the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class SourceFound:
    """A page that the answer cites."""

    url: str
    title: str


@dataclass(frozen=True, slots=True)
class UsageReported:
    """Token counts that the site itself told."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The answer is complete; nothing follows.

    Attributes:
        source: Where the text was read: ``wire`` or ``dom``.
        notes: What the client should know, such as ``rewritten``; empty as a rule.
    """

    finish_reason: FinishReason
    source: CaptureSource
    notes: tuple[str, ...] = ()


TurnEvent = TextDelta | ReasoningDelta | SourceFound | UsageReported | TurnFinished
