"""What a random page is: one choice of each dimension, by its seed. Pure.

Every page can be used by a person, and so by the gateway: nothing here fails, refuses or loses an answer.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal, get_args

Transport = Literal[
    "sse", "ndjson", "json", "page_socket", "turn_socket", "polling", "long_polling", "eventsource"
]
"""How the answer travels; ``page_socket`` is opened with the page, ``turn_socket`` for each turn."""

Shape = Literal["delta", "snapshot", "openai"]
"""What one message of a stream holds: the next piece, the whole text so far, or OpenAI's chunk."""

Identity = Literal["ids", "none", "recycled", "renumbered", "rerendered", "components"]
"""By what a turn's element is known again: an id, nothing, an element and number of its place in a window, a number
counted from the newest, an element that is made anew at each token, a web component."""

EndSignal = Literal["stop", "finished", "aria_busy", "cursor", "field_disabled", "none"]
"""What shows that the answer is complete: with ``none`` only its transport does."""

Rewriting = Literal["append", "markdown", "typewriter", "raw_first", "replaced"]
"""What becomes of text that is shown: whole blocks are appended, Markdown is rendered anew at each token, the same typed
out behind the network, its source until the end, or a draft whose last sentence is another one at the end."""

_KEEPS_WORDS: tuple[Rewriting, ...] = ("append", "markdown", "typewriter", "raw_first")

Order = Literal["normal", "newest_first", "newest_pair_first"]
FieldKind = Literal["textarea", "contenteditable"]
SideRequest = Literal["title", "rewrite", "suggestions", "beacons", "heartbeat", "status"]
"""What else the page sends: a title's request after the first answer, a rewriting of the prompt at the answer's own
address before it, suggestions after it, analytics, a socket's heartbeat, a status asked again and again."""

Marks = Literal["classes", "roles"]
"""By what an element shows what it is: class names, or ``data-role`` and labels."""

BODIES: frozenset[Transport] = frozenset({"sse", "ndjson", "json"})
SOCKETS: frozenset[Transport] = frozenset({"page_socket", "turn_socket"})
HAVE_DECODER: frozenset[Transport] = BODIES | SOCKETS | {"eventsource"}


@dataclass(frozen=True, slots=True)
class PagePlan:
    """One random page.

    Attributes:
        asks_by_post: The prompt goes by a POST, the answer comes by another request.
        ends_early: The end signal comes with the network's end, while the page still types.
        has_send: There is a send control; else Enter sends.
        has_new_chat: There is a control for a new chat; else the page is loaded anew.
        has_wire, has_user_turn: What the profile names, of what could be named.
        has_turn_ids: Messages of a socket name their turn.
    """

    seed: int
    transport: Transport
    shape: Shape
    identity: Identity
    end: EndSignal
    rewriting: Rewriting
    order: Order
    field: FieldKind
    marks: Marks
    side: tuple[SideRequest, ...]
    has_greeting: bool
    has_send: bool
    has_new_chat: bool
    has_wire: bool
    has_user_turn: bool
    has_turn_ids: bool
    asks_by_post: bool
    ends_early: bool

    @property
    def words(self) -> str:
        """The plan in a line, for a report."""
        flags = [name for name in self.__slots__ if getattr(self, name) is True]
        parts = [self.transport, self.shape, self.identity, f"end={self.end}", self.rewriting, self.order]
        return " ".join([*parts, self.field, self.marks, "side=" + "+".join(self.side), *flags])


def plan_page(seed: int) -> PagePlan:
    """Return the page of this seed; always the same."""
    chance = random.Random(f"page {seed}")
    transport: Transport = chance.choice(get_args(Transport))
    shapes = ("delta", "snapshot", "openai") if transport == "sse" else ("delta", "snapshot")
    shape: Shape = chance.choice(shapes)  # type: ignore[arg-type]
    rewriting: Rewriting = chance.choice((*_KEEPS_WORDS, *_KEEPS_WORDS, "replaced"))
    side = _choose_side(chance, transport)
    return PagePlan(
        seed=seed,
        transport=transport,
        shape=shape,
        rewriting=rewriting,
        identity=chance.choice(get_args(Identity)),
        end=chance.choice(get_args(EndSignal)),
        order=chance.choice(("normal", "normal", "newest_first", "newest_pair_first")),
        field=chance.choice(get_args(FieldKind)),
        marks=chance.choice(get_args(Marks)),
        side=side,
        has_greeting=chance.random() < 0.4,
        has_send=chance.random() < 0.7,
        has_new_chat=chance.random() < 0.6,
        has_wire=chance.random() < 0.6 and _can_have_wire(transport, shape, rewriting),
        has_user_turn=chance.random() < 0.7,
        has_turn_ids=chance.random() < 0.5,
        asks_by_post=transport in ("polling", "long_polling")
        or (transport == "eventsource" and seed % 2 == 0),
        ends_early=rewriting == "typewriter" and chance.random() < 0.5,
    )


def _choose_side(chance: random.Random, transport: Transport) -> tuple[SideRequest, ...]:
    possible = [kind for kind in get_args(SideRequest) if kind != "rewrite" or transport in BODIES]
    return tuple(kind for kind in possible if chance.random() < 0.3)


def _can_have_wire(transport: Transport, shape: Shape, rewriting: Rewriting) -> bool:
    """Whether a decoder reads the answer: a draft that is replaced is told only by messages with the whole text."""
    return transport in HAVE_DECODER and (
        rewriting != "replaced" or shape == "snapshot" or transport == "json"
    )
