"""Answers of APIs changed at random, by a seed: in their bytes, framing, fields, events and spelling. Each says what may come of it."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.fakes.answer_changes import MISSING, VALUES, Change, at, changed, fields_in, paths_in
from tests.fakes.upstream_answers import DOORS, SAMPLES, Sample, to_bytes

ALL = frozenset({"text", "reasoning", "calls", "end"})
NONE: frozenset[str] = frozenset()


@dataclass
class MutatedAnswer:
    """One answer, and what a client may get for it.

    Attributes:
        what: The mutation, for a report.
        fields: Those of the meaning that may be others; anything else is as it was meant.
        must_succeed: It means the same as before, so that an error would be wrong.
        must_fail: It is not whole, so that a success would be wrong.
        pieces: The body as it is sent.
    """

    name: str
    door: str
    is_streamed: bool
    what: str
    raw: bytes
    kind: str
    fields: frozenset[str] = NONE
    must_succeed: bool = False
    must_fail: bool = False
    pieces: list[bytes] = field(default_factory=list)

    @property
    def is_native(self) -> bool:
        """Whether nothing of it is touched, not even its form."""
        return (self.name, self.door) == ("anthropic", "messages")

    @property
    def is_passed_on(self) -> bool:
        """Whether the door speaks the API's own language, so that its values go through as they are."""
        return self.is_native or (self.name, self.door) == ("openai", "chat")


class Mutator:
    """Makes the answer of a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._sample: Sample = SAMPLES["openai"]
        self._frame: Callable[[Sequence[Any]], bytes] = self._sample.frame

    def make(self) -> MutatedAnswer:
        """Return it."""
        choose = self._random.choice
        name, door, is_streamed = choose(list(SAMPLES)), choose(DOORS), choose([True, False])
        self._sample = SAMPLES[name]
        self._frame = self._sample.frame
        kind = "text/event-stream" if is_streamed and name != "ollama" else "application/json"
        raw = self._sample.stream() if is_streamed else to_bytes(self._sample.whole)
        answer = MutatedAnswer(name, door, is_streamed, "nothing", raw, kind, must_succeed=True)
        mutate = choose([*_OF_STREAMS, *_OF_BOTH] if is_streamed else [*_OF_WHOLE, *_OF_BOTH])
        mutate(self, answer)
        answer.what = f"{mutate.__name__}: {answer.what}"
        if answer.is_native and not answer.must_succeed:
            answer.fields = ALL  # the client reads what came
        if is_streamed:
            self._add_noise(answer)
        answer.pieces = self._split(answer.raw)
        return answer

    def _split(self, raw: bytes) -> list[bytes]:
        cuts = sorted(self._random.randrange(len(raw) + 1) for _ in range(self._random.randrange(6)))
        bounds = [0, *cuts, len(raw)]
        return [raw[a:b] for a, b in pairwise(bounds) if a != b]

    def _add_noise(self, answer: MutatedAnswer) -> None:
        """Put things into a stream's framing that say nothing, in half of them."""
        if self._random.random() < 0.5:
            return
        if answer.name == "ollama":
            noises: list[Callable[[bytes], bytes]] = [
                lambda raw: raw.replace(b"\n", b"\r\n"),
                lambda raw: raw.replace(b"\n", b"\n\n"),
            ]
        else:
            noises = [
                lambda raw: raw.replace(b"\n", b"\r\n"),
                lambda raw: raw.replace(b"\n\n", b"\n\n: ping\n\n"),
                lambda raw: raw.replace(b"\n\n", b"\n\ndata:\n\n"),
                lambda raw: b"\xef\xbb\xbf" + raw,
                lambda raw: raw.replace(b"data: ", b"x-trace: 17\ndata: "),
                lambda raw: raw.replace(b"data: ", b"data:"),
            ]
        answer.raw = self._random.choice(noises)(answer.raw)

    def _build(self, answer: MutatedAnswer, documents: Sequence[Any]) -> None:
        answer.raw = self._sample.stream(documents) if answer.is_streamed else to_bytes(documents[0])

    def _documents(self, answer: MutatedAnswer) -> list[Any]:
        return copy.deepcopy(self._sample.events if answer.is_streamed else [self._sample.whole])

    # What changes values.

    def another_value(self, answer: MutatedAnswer) -> None:
        documents = self._documents(answer)
        place = self._random.randrange(len(documents))
        path = self._random.choice([path for path in paths_in(documents[place]) if path])
        value = self._random.choice(VALUES)
        change = Change(path, at(documents[place], path), value)
        documents[place] = changed(documents[place], path, value)
        self._build(answer, documents)
        answer.what, answer.must_succeed, answer.fields = f"{place} {change}", False, change.fields()

    def another_key(self, answer: MutatedAnswer) -> None:
        documents = self._documents(answer)
        place = self._random.randrange(len(documents))
        path = self._random.choice([p for p in paths_in(documents[place]) if p and isinstance(p[-1], str)])
        holder = at(documents[place], path[:-1])
        change = Change(path, holder[path[-1]], MISSING)
        holder[f"{path[-1]}x"] = holder.pop(path[-1])
        self._build(answer, documents)
        answer.what, answer.must_succeed, answer.fields = f"{place} {change}", False, change.fields()

    def flipped_bytes(self, answer: MutatedAnswer) -> None:
        raw = bytearray(answer.raw)
        for _ in range(self._random.randint(1, 3)):
            raw[self._random.randrange(len(raw))] = self._random.randrange(256)
        answer.raw = bytes(raw)
        answer.must_succeed, answer.fields = False, ALL

    def inserted_bytes(self, answer: MutatedAnswer) -> None:
        at_byte = self._random.randrange(len(answer.raw))
        more = self._random.choice(
            [b"\x00", b"\n", b"\n\n", b'"', b"}", b"[", b"data:", b"\xff\xfe", b"\\ud83d", b"1" * 3000]
        )
        answer.raw = answer.raw[:at_byte] + more + answer.raw[at_byte:]
        answer.what, answer.must_succeed, answer.fields = f"{more[:9]!r} at {at_byte}", False, ALL

    def cut(self, answer: MutatedAnswer) -> None:
        """Cut a stream before the end of the event that ends it, a whole answer anywhere."""
        last = self._last_end(answer)
        size = self._random.randrange(last)
        answer.raw = answer.raw[:size]
        answer.what, answer.must_succeed, answer.must_fail = f"at {size} of {last}", False, True

    def _last_end(self, answer: MutatedAnswer) -> int:
        if not answer.is_streamed:
            return len(answer.raw)
        ends = {"openai": b'"finish_reason": "tool_calls"', "google": b'"STOP"', "ollama": b'"done": true'}
        return answer.raw.index(ends.get(answer.name, b'{"type": "message_stop"}'))

    # What changes events.

    def dropped_event(self, answer: MutatedAnswer) -> None:
        documents = self._documents(answer)
        place = self._random.randrange(len(documents))
        dropped = documents.pop(place)
        self._build(answer, documents)
        answer.what, answer.must_succeed, answer.fields = f"{place}", False, _with_end(fields_in(dropped))
        is_end = answer.name == "anthropic" and dropped["type"] in {"message_delta", "message_stop"}
        answer.must_fail = is_end or "end" in fields_in(dropped)

    def repeated_event(self, answer: MutatedAnswer) -> None:
        documents = self._documents(answer)
        place = self._random.randrange(len(documents))
        documents.insert(place, documents[place])
        self._build(answer, documents)
        answer.what, answer.must_succeed, answer.fields = f"{place}", False, fields_in(documents[place])

    def swapped_events(self, answer: MutatedAnswer) -> None:
        documents = self._documents(answer)
        place = self._random.randrange(len(documents) - 1)
        documents[place], documents[place + 1] = documents[place + 1], documents[place]
        self._build(answer, documents)
        both = [fields_in(one) for one in documents[place : place + 2]]
        # What comes behind the end is not a part of the answer any more.
        later = (
            ALL
            if answer.name in {"ollama", "anthropic"} and "end" in both[0] | both[1]
            else both[0] & both[1]
        )
        answer.what, answer.must_succeed, answer.fields = f"{place}", False, later | (both[0] & both[1])

    # What changes nothing.

    def other_spelling(self, answer: MutatedAnswer) -> None:
        """The same JSON with its keys in another order, other white space, and other escapes."""
        documents = [self._shuffled(document) for document in self._documents(answer)]
        is_ascii, indent = self._random.choice([True, False]), self._random.choice([None, 2])

        def spelled(document: Any) -> bytes:
            return json.dumps(
                document, ensure_ascii=is_ascii, indent=None if answer.name == "ollama" else indent
            ).encode()

        if not answer.is_streamed:
            answer.raw = json.dumps(documents[0], ensure_ascii=is_ascii, indent=indent).encode()
        elif answer.name == "ollama":
            answer.raw = b"".join(spelled(one) + b"\n" for one in documents)
        else:
            lines = [b"data: " + spelled(one).replace(b"\n", b"\ndata: ") + b"\n\n" for one in documents]
            answer.raw = b"".join(lines) + self._sample.end

    def _shuffled(self, value: Any) -> Any:
        if isinstance(value, dict):
            names = list(value)
            self._random.shuffle(names)
            return {name: self._shuffled(value[name]) for name in names}
        return [self._shuffled(one) for one in value] if isinstance(value, list) else value

    def unknown_fields(self, answer: MutatedAnswer) -> None:
        """Fields that nobody knows, but in arguments and in Gemini's parts, whose fields are their kind."""
        documents = self._documents(answer)
        for document in documents:
            inside = [path for path in paths_in(document) if isinstance(at(document, path), dict)]
            free = [path for path in inside if not {"args", "arguments", "input", "parts"} & set(path)]
            at(document, self._random.choice(free))["x_unknown"] = self._random.choice(VALUES[1:])
        self._build(answer, documents)

    def the_other_form(self, answer: MutatedAnswer) -> None:
        """A whole answer where a stream was asked for, and the reverse."""
        answer.raw = to_bytes(self._sample.whole) if answer.is_streamed else self._sample.stream()
        answer.what = "whole" if answer.is_streamed else "streamed"
        if answer.is_native:
            answer.must_succeed = False  # what is passed on untouched can't change its form

    def another_content_type(self, answer: MutatedAnswer) -> None:
        answer.kind = self._random.choice(
            ["application/json", "text/event-stream", "text/plain", "application/octet-stream"]
        )
        answer.what = answer.kind
        if answer.is_native and answer.is_streamed:
            answer.must_succeed = answer.kind != "application/json"

    def another_word_for_the_end(self, answer: MutatedAnswer) -> None:
        words = {
            "openai": (
                b'"finish_reason": "tool_calls"',
                [b'"finish_reason": "TOOL_CALLS"', b'"finish_reason": "tool_use"'],
            ),
            "anthropic": (
                b'"stop_reason": "tool_use"',
                [b'"stop_reason": "tool_calls"', b'"stop_reason": "TOOL_USE"'],
            ),
            "google": (b'"STOP"', [b'"stop"', b'"end_turn"', b'"EOS"']),
            "ollama": (
                b'"done_reason": "stop"',
                [b'"done_reason": "STOP"', b'"done_reason": ""', b'"done_reason": "eos"'],
            ),
        }
        said, others = words[answer.name]
        answer.raw = answer.raw.replace(said, self._random.choice(others))
        if answer.is_native:
            answer.must_succeed = False

    def an_end_that_is_none(self, answer: MutatedAnswer) -> None:
        words = {
            "openai": b'"finish_reason": "tool_calls"',
            "anthropic": b'"stop_reason": "tool_use"',
            "google": b'"finishReason": "STOP"',
            "ollama": b'"done_reason": "stop"',
        }
        said = words[answer.name]
        other = self._random.choice(
            [b'"error"', b'"network_error"', b'"abort"', b'"of no known kind"', b"7", b"[]", b"{}"]
        )
        answer.raw = answer.raw.replace(said, said.partition(b": ")[0] + b": " + other)
        answer.what, answer.must_succeed, answer.must_fail = other.decode(), False, not answer.is_native
        if answer.name == "ollama" and other in {b"[]", b"{}"}:
            answer.must_fail = False  # no reason is what older ones give

    def calls_without_indexes(self, answer: MutatedAnswer) -> None:
        documents = self._documents(answer)
        for call in _calls_in(documents):
            call.pop("index", None)
        self._build(answer, documents)

    def calls_on_one_index(self, answer: MutatedAnswer) -> None:
        documents = self._documents(answer)
        for call in _calls_in(documents):
            call["index"] = 0
        self._build(answer, documents)


def _calls_in(documents: Sequence[Any]) -> list[dict[str, Any]]:
    found = [
        at(one, path) for one in documents for path in paths_in(one) if path and path[-1] == "tool_calls"
    ]
    return [call for calls in found for call in calls]


def _with_end(fields: frozenset[str]) -> frozenset[str]:
    """An answer that calls nothing any more has ended for another reason."""
    return fields | {"end"} if "calls" in fields else fields


_OF_BOTH = [
    Mutator.another_value,
    Mutator.another_value,
    Mutator.another_value,
    Mutator.another_key,
    Mutator.flipped_bytes,
    Mutator.flipped_bytes,
    Mutator.inserted_bytes,
    Mutator.cut,
    Mutator.other_spelling,
    Mutator.unknown_fields,
    Mutator.the_other_form,
    Mutator.another_content_type,
    Mutator.another_word_for_the_end,
    Mutator.an_end_that_is_none,
]
_OF_WHOLE: list[Callable[[Mutator, MutatedAnswer], None]] = []
_OF_STREAMS = [
    Mutator.dropped_event,
    Mutator.repeated_event,
    Mutator.swapped_events,
    Mutator.calls_without_indexes,
    Mutator.calls_on_one_index,
]
