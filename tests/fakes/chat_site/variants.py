"""The pages of the chat site, each with one thing that a real chat page does to whoever drives it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Transport = Literal["fetch", "eventsource", "websocket", "xhr", "worker", "html"]
FrameOrigin = Literal["", "same", "port", "site"]
Challenge = Literal["", "response", "response-passes", "widget", "widget-passes", "on-send", "around"]
Flag = str | int | bool


@dataclass(frozen=True, slots=True)
class Variant:
    """One page, served at ``/v/<name>``.

    Attributes:
        transport: How the answer reaches the page; ``html`` sends rendered HTML, never Markdown.
        flags: What ``static/chat.js`` does differently on this page.
        needs_sign_in: Without a session the page redirects to the form and its requests get a 401.
        frame: The chat is in an ``<iframe>`` of the same origin, another port, or another site.
        first_token_wait_s: Silence before each answer begins.
        challenge: A check: in place of the page, over it, around its frame, after a prompt was sent, or one that passes by itself.
    """

    transport: Transport = "fetch"
    flags: Mapping[str, Flag] = field(default_factory=dict)
    needs_sign_in: bool = False
    frame: FrameOrigin = ""
    first_token_wait_s: float = 0.0
    challenge: Challenge = ""


VARIANTS: dict[str, Variant] = {
    # How the answer travels.
    "fetch-sse": Variant(),
    "eventsource": Variant("eventsource"),
    "websocket": Variant("websocket"),
    "xhr": Variant("xhr"),
    "worker": Variant("worker"),
    "dom-only": Variant("html"),
    # How it is drawn.
    "rerender": Variant(flags={"rerender": True, "hashed": True}),
    "rerender-anonymous": Variant(flags={"rerender": True, "hashed": True, "anonymous": True}),
    "thinking": Variant(flags={"hideThinking": True}),
    "thinking-dom": Variant("html", {"hideThinking": True}),
    "thinking-folded": Variant("html", {"foldThinking": "yes"}),
    "thinking-folds-again": Variant("html", {"foldThinking": "again"}),
    "sources": Variant(flags={"citesPages": True}),
    "virtualised": Variant(flags={"keepTurns": 3}),
    # Only these tell that the answer goes on: no stop control, no finished-actions, and a socket that stays open.
    "locks-input": Variant("websocket", {"locksInput": True}),
    "aria-busy": Variant("websocket", {"ariaBusy": True}),
    "suggestions": Variant(flags={"suggestionsAfterMs": 1000}),
    "shadow": Variant(flags={"shadow": True, "composer": "editable"}),
    "iframe": Variant(frame="same"),
    "iframe-port": Variant(frame="port"),
    "iframe-cross-site": Variant(frame="site"),
    "echo-trap": Variant(flags={"echoTrapMs": 400}),
    "slow-answer": Variant(flags={"placeholder": "Thinking…"}, first_token_wait_s=8.0),
    "pushes-state": Variant(flags={"pushState": True}),
    "saved-chats": Variant(flags={"saved": True}),
    # What goes wrong.
    "error-banner": Variant(flags={"lateTurn": True}),
    "limit-200": Variant(flags={"lateTurn": True}),
    "cut": Variant(flags={"quietCut": True}),
    "navigates-away": Variant(flags={"midway": "navigate"}),
    "reload-midway": Variant(flags={"midway": "reload"}),
    "alert": Variant(flags={"midway": "alert"}),
    # What stands before sending.
    "dialog": Variant(flags={"dialogAfterMs": 1}),
    "dialog-late": Variant(flags={"dialogAfterMs": 1000}),
    "login": Variant(needs_sign_in=True),
    "login-two-step": Variant(needs_sign_in=True),
    "login-totp": Variant(needs_sign_in=True),
    # A person must pass a check; it is passed once the cookie ``passed`` is there.
    "challenge-response": Variant(challenge="response"),
    "challenge-response-passes": Variant(challenge="response-passes"),
    "challenge-widget": Variant(challenge="widget"),
    "challenge-widget-passes": Variant(challenge="widget-passes"),
    "challenge-frame": Variant(frame="port", challenge="widget"),
    "challenge-around": Variant(frame="port", challenge="around"),
    "challenge-on-send": Variant(challenge="on-send"),
    "late-composer": Variant(flags={"composerAfterMs": 1000, "needsSocket": True}),
    "twin-input": Variant(flags={"twin": True}),
    "field-grows": Variant(flags={"fieldGrows": True}),
    "double-send": Variant(flags={"swallowFirst": True, "userTurnAfterMs": 800}),
    "slow-echo": Variant(flags={"userTurnAfterMs": 800}),
    "single-line": Variant(flags={"composer": "line"}),
    "max-length": Variant(flags={"maxLength": 2000}),
    "prosemirror": Variant(flags={"composer": "paragraphs"}),
    # How files get there: an upload takes a while, and what is sent before its end goes without it.
    "files": Variant(flags={"files": "input", "uploadMs": 400}),
    "files-one": Variant(flags={"files": "one", "uploadMs": 100}),
    "files-chooser": Variant(flags={"files": "chooser", "uploadMs": 100}),
    "files-drop": Variant(flags={"files": "drop", "uploadMs": 100}),
    "files-paste": Variant(flags={"files": "paste", "uploadMs": 100, "composer": "editable"}),
    "files-shadow": Variant(
        flags={"files": "input", "uploadMs": 100, "shadow": True, "composer": "editable"}
    ),
    "files-frame": Variant(flags={"files": "input", "uploadMs": 100}, frame="site"),
    "files-draft": Variant(flags={"files": "input", "uploadMs": 100, "keepsDraft": True}),
    "files-limited": Variant(flags={"files": "input", "uploadMs": 100, "maxLength": 2000}),
}

NOT_CHAT_PAGES = ("not-chat", "not-html", "http-500")
