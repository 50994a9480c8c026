"""Decodes Open WebUI (0.12) on ``/ws/socket.io``: events of a message that the page asked for by HTTP. Pure.

The page posts to ``/api/chat/completions`` with the id that the answer's message will have. One socket carries the
events of all chats and tabs of the user, so only events with that ``message_id`` are the turn's. Text comes as deltas
of output items (OpenAI's Responses form); ``output`` in a ``chat:completion`` is a snapshot, and the last one, with
``done``, is stripped of the spaces around it, which the deltas still have.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from automation.capture.decoders.answer import AnswerSoFar
from automation.capture.decoders.error_words import error_from_object, error_from_words
from automation.capture.decoders.framing.engine_io import parse_events
from automation.capture.decoders.framing.json_shape import as_dict, as_list, as_text, decode_json
from automation.capture.decoders.joined_answer import Part, WatchedParts, build_parts, joined
from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireEvent
from automation.capture.decoders.sources import Sources
from automation.capture.decoders.uis.openai_sse import parse_finish_reason, parse_usage
from automation.growing_text import GrowingText, Text, grown
from automation.turn import FinishReason

_COMPLETIONS_PATH = "/api/chat/completions"
_DELTAS = {
    "response.output_text.delta": "message",
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning_summary_text.delta": "reasoning",
}
_ITEMS_BETWEEN = "\n"  # getOutputText of the page
# The server makes reasoning of what follows these at an answer's start, but sends their first letters as text before
# it knows (DEFAULT_REASONING_TAGS of its middleware).
_REASONING_TAGS = (
    "<think>",
    "<thinking>",
    "<reason>",
    "<reasoning>",
    "<thought>",
    "<Thought>",
    "<|begin_of_thought|>",
    "◁think▷",
)
_END_TAG_BEGUN = re.compile(r"(?:<[/|]?\w*\|?|◁/?\w*)\Z")


class OpenWebUiDecoder:
    """Decodes the turn that the page's last request for a completion began."""

    def __init__(self) -> None:
        self._begin("")
        self._is_over = True

    def _begin(self, message_id: str) -> None:
        self._message_id = message_id
        self._is_over = False
        self._finish_reason: FinishReason = "stop"
        self._items: dict[str, tuple[str, Text]] = {}  # item id -> its type and text, in order
        self._answer = AnswerSoFar()
        self._texts, self._thoughts = WatchedParts(), WatchedParts()
        # What came of the reasoning after what was told of it; None where that is not how it begins.
        self._held_thought: str | None = ""
        self._sources = Sources()

    def requested(self, url: str, body: str | None) -> list[WireEvent]:
        """Note which message the page asked for."""
        if body is None or not urlsplit(url).path.endswith(_COMPLETIONS_PATH):
            return []
        try:
            message_id = as_text(as_dict(decode_json(body)).get("id"))
        except StreamFormatError:
            return []  # another tool's request to the same path; the page's own is JSON
        if not message_id:
            return []
        self._begin(message_id)
        return [WireAlive()]

    def sent(self, payload: str | bytes) -> list[WireEvent]:  # noqa: ARG002 - of the protocol
        """Return nothing: the page sends prompts by HTTP."""
        return []

    def received(self, payload: str | bytes) -> list[WireEvent]:
        """Return the events of one frame; those of other messages have none.

        Raises:
            StreamFormatError: It is not a frame of Socket.IO.
        """
        events: list[WireEvent] = []
        for event in parse_events(payload) if isinstance(payload, str) else ():
            argument = as_dict(event.argument)
            if (
                event.name == "events"
                and argument.get("message_id") == self._message_id
                and not self._is_over
            ):
                inner = as_dict(argument.get("data"))
                events += self._event(as_text(inner.get("type")), as_dict(inner.get("data")))
        return events

    def _event(self, kind: str, data: dict[str, Any]) -> list[WireEvent]:
        match kind:
            case "response:completion":
                return self._delta(data)
            case "chat:completion":
                return self._completion(data)
            case "chat:message:delta" | "message":
                return self._append("", "message", as_text(data.get("content")))
            case "chat:message" | "replace":
                self._items = {"": ("message", as_text(data.get("content")))}
                return self._show()
            case "chat:message:error":
                return self._fail(error_from_object(data) or error_from_words(kind))
            case "chat:tasks:cancel":
                return self._fail(error_from_words("the answer was stopped (chat:tasks:cancel)"))
            case "source" | "citation":
                return self._cited(data)
            case _:
                return [WireAlive()]

    def _delta(self, data: dict[str, Any]) -> list[WireEvent]:
        item_type = _DELTAS.get(as_text(data.get("type")))
        if item_type is None:
            return [WireAlive()]
        item_id = as_text(data.get("item_id")) or f"#{data.get('output_index')}"
        return self._append(item_id, item_type, as_text(data.get("delta")))

    def _append(self, item_id: str, item_type: str, text: str) -> list[WireEvent]:
        known_type, before = self._items.get(item_id, (item_type, ""))
        self._items[item_id] = (known_type, grown(before, text))
        return self._show()

    def _completion(self, data: dict[str, Any]) -> list[WireEvent]:
        error = error_from_object(data)
        if error is not None:
            return self._fail(error)
        events = self._snapshot(data) if "output" in data else self._choice(data)
        usage = parse_usage(data.get("usage"))
        if usage is not None:
            events.append(usage)
        if data.get("done"):
            self._is_over = True
            events += [*self._show(), WireEnd(self._finish_reason)]
        return events

    def _snapshot(self, data: dict[str, Any]) -> list[WireEvent]:
        streamed = self._items
        self._items = {}
        for index, item in enumerate(map(as_dict, as_list(data["output"]))):
            item_id, text = as_text(item.get("id")) or f"#{index}", _item_text(item)
            exact = str(streamed.get(item_id, ("", ""))[1])
            self._items[item_id] = (as_text(item.get("type")), exact if exact.strip() == text else text)
        return self._show()

    def _choice(self, data: dict[str, Any]) -> list[WireEvent]:
        events: list[WireEvent] = []
        for choice in map(as_dict, as_list(data.get("choices"))[:1]):
            said = as_dict(choice.get("message")) or as_dict(choice.get("delta"))
            if as_text(said.get("content")):
                events += self._append("", "message", said["content"])
            if as_text(choice.get("finish_reason")):
                self._finish_reason = parse_finish_reason(choice["finish_reason"])
        return events

    def _show(self) -> list[WireEvent]:
        texts, thoughts = self._parts("message"), self._parts("reasoning")
        text, thought = self._texts.growth(texts), self._thoughts.growth(thoughts)
        if text is None or thought is None or self._held_thought is None or self._is_over:
            return self._show_whole(joined(texts), joined(thoughts))
        # Nothing of the text is held back any more once some of it was told.
        if text and not self._answer.sizes[0]:
            text = joined(texts)
            text = "" if _may_be_tag(text) else text
        held = self._held_thought + thought
        thought = _END_TAG_BEGUN.sub("", held)
        if not thought.strip():
            thought = ""
        self._held_thought = held[len(thought) :]
        return self._answer.grow(text, thought)

    def _parts(self, wanted: str) -> list[Part]:
        texts = (text for kind, text in self._items.values() if kind == wanted and not _is_blank(text))
        return build_parts(texts, _ITEMS_BETWEEN)

    def _show_whole(self, text: str, reasoning: str) -> list[WireEvent]:
        if not self._is_over and _may_be_tag(text):
            text = ""
        shown = self._steady(reasoning)
        self._held_thought = reasoning[len(shown) :] if reasoning.startswith(shown) else None
        return self._answer.become(text, shown)

    def _steady(self, reasoning: str) -> str:
        reasoning = reasoning if self._is_over else _END_TAG_BEGUN.sub("", reasoning)
        told = self._answer.reasoning
        return told if told.strip() == reasoning.strip() else reasoning

    def _cited(self, data: dict[str, Any]) -> list[WireEvent]:
        name = as_text(as_dict(data.get("source")).get("name"))
        found: list[WireEvent] = []
        for meta in map(as_dict, as_list(data.get("metadata"))):
            title = as_text(meta.get("name")) or as_text(meta.get("title")) or name
            found += self._sources.add(as_text(meta.get("source")), title)
        return found or [WireAlive()]

    def _fail(self, error: WireEvent) -> list[WireEvent]:
        self._is_over = True
        return [error]


def _may_be_tag(text: str) -> bool:
    begun = text.strip()
    return bool(begun) and any(tag.startswith(begun) for tag in _REASONING_TAGS)


def _is_blank(text: Text) -> bool:
    return text.is_blank if isinstance(text, GrowingText) else not text.strip()


def _item_text(item: dict[str, Any]) -> str:
    parts = as_list(item.get("content")) or as_list(item.get("summary"))
    return "".join(as_text(as_dict(part).get("text")) for part in parts)
