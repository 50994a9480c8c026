"""Data types of a turn: the prompt that goes in, and the events that come out. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from automation.errors import RateLimitedError

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "content_filter"]
CaptureSource = Literal["wire", "dom"]


def join_texts(texts: Iterable[str], role: str) -> str:
    """Return the texts of the parts of a message of ``role`` as one text.

    What a program or a person says in parts are paragraphs: a blank line stands between two, empty ones are left out. The
    parts of an earlier answer are pieces of one running text, as where it cites, and the answer must be known again.
    """
    return "".join(texts) if role == "assistant" else "\n\n".join(filter(None, texts))


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message.

    Attributes:
        media_type: Such as ``image/png``, in lower case and without parameters.
        part: Where it stands in the client's request, for error messages; it is no part of what the file is.
    """

    name: str
    media_type: str
    data: bytes = field(repr=False)
    part: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the client's request, its parts joined to text."""

    role: Role
    text: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatLink:
    """Reference by which one chat of a site can be found again.

    Attributes:
        id: Ours, made when the chat began; a page that still shows the chat is known by it.
        url: The chat's own address at the site, or None where it has none: then it lives as long as its page.
        fingerprint: Hashes of the chat's last prompt and of its answer, to recognise the chat; see ``chat_identity``.
        account: Which of the endpoint's accounts it belongs to; empty where there is only one.
    """

    id: str
    url: str | None = None
    fingerprint: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Request of a client in one turn.

    Attributes:
        messages: The whole conversation, oldest first; the last one is what the page must answer.
        model: The site's model to choose before sending, or None for what is chosen there.
        chat: The chat that holds the first ``said`` messages already. Where it can't be found any more, the whole
            conversation goes into a new chat as one transcript.
        said: Number of ``messages`` that ``chat`` contains already.
        must_continue: ``messages`` are not the whole conversation: the rest is in ``chat`` alone. Where it can't be found
            any more, the turn fails with ``ConversationGoneError``, and nothing is sent.
        is_throwaway: The chat is never continued: it is cleared at once, and deleted where the profile says how.
    """

    messages: tuple[Message, ...]
    model: str | None = None
    chat: ChatLink | None = None
    said: int = 0
    must_continue: bool = False
    is_throwaway: bool = False


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
    """Token counts that the site itself reported."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The answer is complete; nothing follows.

    Attributes:
        source: Where the text was read: ``wire`` or ``dom``.
        notes: What the client should know, such as ``page_shows_nothing``; empty as a rule.
        chat: Where the conversation can be continued; None where the page can't be kept.
        is_continued: The prompt's ``chat`` was found and only what is new was sent.
        final_text: The exact answer, where the deltas joined are another text; None where they are the answer.
        limit: The account's limit, which the site says is reached with this answer; None as a rule.
        is_rewritten: More than white space of the deltas is not in ``final_text``: they can't be made the answer any more.
    """

    finish_reason: FinishReason
    source: CaptureSource
    notes: tuple[str, ...] = ()
    chat: ChatLink | None = None
    is_continued: bool = False
    final_text: str | None = None
    is_rewritten: bool = False
    limit: RateLimitedError | None = field(default=None, compare=False)


TurnEvent = TextDelta | ReasoningDelta | SourceFound | UsageReported | TurnFinished


def join_answer(events: Iterable[TurnEvent]) -> str:
    """Return the answer of a whole turn: its deltas joined, or the text that its page had in the end instead of them."""
    pieces: list[str] = []
    for event in events:
        if isinstance(event, TextDelta):
            pieces.append(event.text)
        elif isinstance(event, TurnFinished) and event.final_text is not None:
            return event.final_text
    return "".join(pieces)
