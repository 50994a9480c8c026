"""Protocol of wire decoders: bytes or messages of one site's stream in, turn events out. Pure.

A decoder lives for one turn. The network tap tells it, in order, what the page's own requests carried; it answers
with deltas of the model's Markdown, exact, and at the end with ``WireEnd`` or ``WireError``. It never guesses an end:
a stream that closes before its own end marker is reported by the tap, not by the decoder.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from automation.turn import FinishReason, ReasoningDelta, SourceFound, TextDelta, UsageReported

WireErrorKind = Literal["error", "rate_limited", "content_blocked", "sign_in_required", "challenge_required"]


@dataclass(frozen=True, slots=True)
class WireEnd:
    """The stream's own end marker was seen."""

    finish_reason: FinishReason = "stop"


@dataclass(frozen=True, slots=True)
class WireError:
    """The site reported an error in its stream, in its own words."""

    message: str
    kind: WireErrorKind = "error"
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class WireText:
    """The whole answer so far, for sites that send snapshots instead of deltas.

    Attributes:
        text: All of the answer's Markdown so far; it may differ from what was sent before.
        reasoning: All of the reasoning so far.
    """

    text: str
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class WireAlive:
    """A heartbeat without text: a step began, a status line changed."""


@dataclass(frozen=True, slots=True)
class WireContinues:
    """The page runs a tool itself and asks again: the answer goes on in another response."""


@dataclass(frozen=True, slots=True)
class WireAsked:
    """The message or request by which the page asks on a socket left; ``turn_id`` is the turn's id if it tells one."""

    turn_id: str | None = None


@dataclass(frozen=True, slots=True)
class WireOf:
    """Events of a socket's message that names an id, which may be another turn's."""

    message_id: str | None
    events: tuple[WireEvent, ...]


WireEvent = (
    TextDelta
    | ReasoningDelta
    | SourceFound
    | UsageReported
    | WireText
    | WireAlive
    | WireEnd
    | WireError
    | WireContinues
    | WireAsked
    | WireOf
)


class StreamFormatError(Exception):
    """The bytes are not what this decoder reads: malformed frame, broken JSON, a line over 32 MiB."""


class BodyDecoder(Protocol):
    """Decodes the body of one HTTP response (fetch, XHR or EventSource)."""

    def feed(self, data: bytes) -> Iterable[WireEvent]:
        """Return the events completed by ``data``, which may be split anywhere, even inside a character.

        Raises:
            StreamFormatError: The bytes don't belong to this format.
        """
        ...

    def closed(self) -> Iterable[WireEvent]:
        """Return the events of a clean network end: the end if the stream said enough for it, else nothing.

        Without a ``WireEnd`` or a ``WireError`` by then the stream was cut, which the tap reports.

        Raises:
            StreamFormatError: The body ends where its format doesn't let it end.
        """
        ...


class SocketDecoder(Protocol):
    """Decodes the messages of one WebSocket that stays open from turn to turn."""

    def requested(self, url: str, body: str | None) -> Iterable[WireEvent]:
        """Note an HTTP request that the page sent: some sites send the prompt by HTTP and answer by socket.

        Like ``sent``, it returns a ``WireAlive`` when this was the turn's own request.

        Args:
            url: The request's full URL.
            body: What it posted, or None.
        """
        ...

    def sent(self, payload: str | bytes) -> Iterable[WireEvent]:
        """Note a message that the page sent: the turn's own request, from which ids are learnt.

        Returns a ``WireAlive`` when this was the turn's own request.

        Raises:
            StreamFormatError: The message doesn't belong to this format.
        """
        ...

    def received(self, payload: str | bytes) -> Iterable[WireEvent]:
        """Return the events of one message that the page received.

        Raises:
            StreamFormatError: The message doesn't belong to this format.
        """
        ...
