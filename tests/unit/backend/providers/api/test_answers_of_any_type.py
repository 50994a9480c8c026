"""A provider may put any JSON at any place of its answer: a client then gets the answer, or an error that is the provider's."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.fakes.upstream_answers import (
    ARGUMENTS,
    DOORS,
    SAMPLES,
    Meaning,
    Sample,
    client_reads,
    gateway_gives,
    to_bytes,
)

MISSING = object()
VALUES: tuple[Any, ...] = (
    MISSING,
    None,
    True,
    False,
    0,
    7,
    -1,
    1.5,
    2**63,
    10**30,
    "",
    "word",
    "\ud83d",
    [],
    ["word"],
    [None],
    [[{}]],
    {},
    {"word": 1},
    {"type": []},
)
WORDS = ("Grüße", "👋", "hm", "list_files", "path", "/tmp", "123456789012345678901234567890", ARGUMENTS[9:])
TEXTS = {"content", "text", "thinking", "reasoning_content", "refusal", "partial_json", "arguments", "name"}
MEANT = Meaning(
    "Grüße 👋",
    "hm",
    [("list_files", {"path": "/tmp", "id": 123456789012345678901234567890})],
    "calls",
)


class Change(NamedTuple):
    """What stood at a place of an answer, and what stands there now."""

    path: tuple[Any, ...]
    before: Any
    after: Any

    def may_change_the_meaning(self) -> bool:
        """Whether text, reasoning or a call was at the place, or is there now."""
        said = json.dumps(self.before, ensure_ascii=False)
        is_text = isinstance(self.after, str) and self.after != ""
        return (
            any(word in said for word in WORDS)
            or (is_text and self.path[-1] in TEXTS)
            # What these say of the text beside them is as they say.
            or self.path[-1] in {"thought", "done"}
            # Events of unknown types are to be passed over, says Anthropic.
            or (is_text and self.path == ("type",))
        )


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        document = document[name]
    return document


def paths_in(document: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document that a value may be put at, itself first."""
    yield before
    inside = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for name, value in inside:
        yield from paths_in(value, (*before, name))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at a place."""
    if not path:
        return value
    copied = copy.deepcopy(document)
    place = copied
    for name in path[:-1]:
        place = place[name]
    if value is MISSING:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copied


def each_change(document: Any) -> Iterator[tuple[Change, Any]]:
    for path in paths_in(document):
        for value in VALUES:
            if path or value is not MISSING:
                yield Change(path, at(document, path), value), changed(document, path, value)


def each_answer(sample: Sample, *, is_streamed: bool) -> Iterator[tuple[Change, bytes]]:
    """Every changed answer, with what was changed."""
    if not is_streamed:
        for change, document in each_change(sample.whole):
            yield change, to_bytes(document)
        return
    for place, event in enumerate(sample.events):
        for change, document in each_change(event):
            yield change, sample.stream([*sample.events[:place], document, *sample.events[place + 1 :]])


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_mean_the_same_at_every_door(name, is_streamed, door):
    sample = SAMPLES[name]
    raw = sample.stream() if is_streamed else to_bytes(sample.whole)

    assert client_reads(sample.dialect, raw, door, is_streamed=is_streamed, size=7) == MEANT


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", SAMPLES)
def test_no_value_at_any_place_of_an_answer_is_a_failure_of_the_gateway(name, is_streamed):
    sample = SAMPLES[name]

    outcomes = [
        (door, change, gateway_gives(sample.dialect, raw, door, is_streamed=is_streamed)[1])
        for change, raw in each_answer(sample, is_streamed=is_streamed)
        for door in DOORS
    ]

    assert [outcome for outcome in outcomes if outcome[2] == "internal_error"] == []


@pytest.mark.parametrize("door", ["messages", "responses"])
@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_changed_beside_the_words_changes_none_of_them_or_is_an_error(name, is_streamed, door):
    sample = SAMPLES[name]
    wrong = []

    for change, raw in each_answer(sample, is_streamed=is_streamed):
        told = client_reads(sample.dialect, raw, door, is_streamed=is_streamed)
        if told.error is None and told != MEANT and not change.may_change_the_meaning():
            wrong.append((change, told))

    assert wrong == []
