"""Decodes Gradio's queue (5 and 6): JSON values and diffs on the event stream of ``/gradio_api/queue/data``. Pure.

One response carries the messages of every function that the page queued meanwhile. The chat is found by its shape, a
list of ``{"role", "content", "metadata"}``, so that no function index or component id has to be configured. The first
``process_generating`` of an event holds values, later ones edits of them (``gradio.utils.diff``), and
``process_completed`` values again. Entries with a ``metadata.title`` are what Gradio shows as collapsible thoughts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automation.capture.decoders.answer import AnswerSoFar
from automation.capture.decoders.error_words import error_from_words
from automation.capture.decoders.framing.json_shape import as_dict, as_list, as_text, decode_json
from automation.capture.decoders.framing.sse import SseParser
from automation.capture.decoders.joined_answer import WatchedParts, build_parts, joined
from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireEvent
from automation.capture.decoders.uis.gradio_text import SettledText, without_blank_end
from automation.growing_text import GrowingText, Text, grown

_SIGNS_OF_LIFE = frozenset({"estimation", "process_starts", "progress", "log"})
_FAILURES = frozenset({"unexpected_error", "server_stopped", "queue_full"})

_PARTS_BETWEEN = "\n\n"


class GradioQueueDecoder:
    """Decodes one response of the queue's event stream."""

    def __init__(self) -> None:
        self._sse = SseParser()
        self._values: dict[str, list[Any]] = {}  # event id -> the function's outputs so far
        self._answer = AnswerSoFar()
        self._texts, self._thoughts = WatchedParts(), WatchedParts()
        self._text = GrowingText()
        self._settling: SettledText | None = SettledText()  # None: all of the text is told
        self._is_settled = False
        self._chat_event: str | None = None
        self._is_over = False

    def feed(self, data: bytes) -> list[WireEvent]:
        """Return the events completed by ``data``.

        Raises:
            StreamFormatError: A message is not JSON, or an edit doesn't fit what it edits.
        """
        events: list[WireEvent] = []
        for sent in self._sse.feed(data):
            message = decode_json(sent.data)
            if not isinstance(message, dict):
                msg = "a queue message is not an object"
                raise StreamFormatError(msg)
            if not self._is_over:
                events += self._message(message)
        return events

    def closed(self) -> list[WireEvent]:
        """Return nothing: only ``process_completed`` ends an answer."""
        return []

    def _message(self, message: dict[str, Any]) -> list[WireEvent]:
        kind, event_id = as_text(message.get("msg")), as_text(message.get("event_id"))
        if kind in _SIGNS_OF_LIFE:
            return [WireAlive()]
        if kind in _FAILURES:
            return self._fail(as_text(message.get("message")) or kind)
        output = as_dict(message.get("output"))
        if kind == "process_completed" and message.get("success") is False:
            if self._chat_event not in {None, event_id}:
                return []  # another function failed; the answer goes on
            return self._fail(as_text(output.get("error")) or as_text(message.get("title")) or "Error")
        if kind in {"process_generating", "process_streaming"}:
            return self._show(event_id, self._edited(event_id, as_list(output.get("data"))))
        if kind == "process_completed":
            return self._complete(event_id, output)
        return []

    def _complete(self, event_id: str, output: dict[str, Any]) -> list[WireEvent]:
        # A cancelled function completes with an empty output (gradio.routes.cancel_event): that answer has no end.
        if "data" not in output:
            return []
        self._is_settled = True
        events = self._show(event_id, as_list(output["data"]))
        if self._chat_event == event_id:
            self._is_over = True
            events.append(WireEnd())
        return events

    def _fail(self, words: str) -> list[WireEvent]:
        self._is_over = True
        return [error_from_words(words)]

    def _edited(self, event_id: str, data: list[Any]) -> list[Any]:
        values = self._values.get(event_id)
        if values is None:
            self._values[event_id] = data
            return data
        # An output can appear in mid-stream when the app was reloaded; its first diff is against nothing.
        values += [None] * (len(data) - len(values))
        for i, edits in enumerate(data):
            for edit in as_list(edits):
                values[i] = _apply(values[i], edit)
        return values

    def _show(self, event_id: str, values: list[Any]) -> list[WireEvent]:
        turn = next((turn for turn in map(_last_turn, values) if turn is not None), None)
        if turn is None:
            return []
        self._chat_event = event_id
        texts, thoughts = (build_parts(leaves, _PARTS_BETWEEN) for leaves in turn)
        text, reasoning = self._texts.growth(texts), self._thoughts.growth(thoughts)
        must_tell_all = self._is_settled and self._settling is not None
        if text is None or reasoning is None or must_tell_all:
            return self._show_whole(joined(texts), joined(thoughts))
        self._text.append(text)
        return self._answer.grow(self._settling.append(text) if self._settling else text, reasoning)

    def _show_whole(self, text: str, reasoning: str) -> list[WireEvent]:
        # A change of what was shown is the shared indentation that Gradio had taken off: it won't take it off again.
        shown, self._text = without_blank_end(str(self._text)), GrowingText(text)
        self._is_settled = self._is_settled or not text.startswith(shown)
        self._settling = None if self._is_settled else SettledText()
        return self._answer.become(self._settling.append(text) if self._settling else text, reasoning)


def _apply(value: Any, edit: object) -> Any:
    """Return ``value`` after one edit ``[action, path, new]`` (``gradio_client.utils.apply_diff``)."""
    try:
        action, path, new = as_list(edit)
        if not path:
            return _combine(action, value, new)
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        last = path[-1]
        if action == "delete":
            del holder[last]
        elif action == "add" and isinstance(holder, list):
            holder.insert(last, new)
        elif action == "add":
            holder[last] = new
        else:
            holder[last] = _combine(action, holder[last], new)
    except (TypeError, ValueError, KeyError, IndexError) as exc:
        msg = f"an edit doesn't fit the value: {exc!r}"
        raise StreamFormatError(msg) from exc
    return value


def _combine(action: str, old: Any, new: Any) -> Any:
    if action == "replace":
        return new
    if action == "append":
        is_text = isinstance(old, str | GrowingText) and isinstance(new, str)
        return grown(old, new) if is_text else old + new
    msg = f"unknown edit {action!r}"
    raise StreamFormatError(msg)


def _last_turn(value: object) -> tuple[list[Text], list[Text]] | None:
    """Return the texts and the thoughts after the last user message; None if it is no chat or not answered yet."""
    entries = _chat_entries(value)
    start = len(entries)
    while start and entries[start - 1]["role"] != "user":
        start -= 1
    turn = [entry for entry in entries[start:] if entry["role"] == "assistant"]
    if not start or not turn:
        return None
    thoughts = [e["content"] for e in turn if as_dict(e.get("metadata")).get("title")]
    answers = [e["content"] for e in turn if not as_dict(e.get("metadata")).get("title")]
    return [*_leaves(answers)], [*_leaves(thoughts)]


def _chat_entries(value: object) -> list[dict[str, Any]]:
    if isinstance(value, dict) and value.get("__type__") == "update":
        value = value.get("value")
    entries = as_list(value)
    is_chat = all(isinstance(entry, dict) and "role" in entry and "content" in entry for entry in entries)
    return entries if is_chat else []


def _leaves(content: object) -> Iterator[Text]:
    """Yield the texts of an entry's content: a string, one part, or a list of parts; files have none."""
    if isinstance(content, list):
        for part in content:
            yield from _leaves(part)
        return
    text = content.get("text") if isinstance(content, dict) else content
    if isinstance(text, str | GrowingText):
        yield text
