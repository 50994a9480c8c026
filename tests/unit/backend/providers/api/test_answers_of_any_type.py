"""A provider may put any JSON at any place of its answer: a client then gets the answer, or an error that is the provider's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.answer_changes import MEANT, Change, each_change, is_allowed
from tests.fakes.upstream_answers import DOORS, SAMPLES, Sample, client_reads, gateway_gives, to_bytes


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
        if not is_allowed(told, change.fields()):
            wrong.append((change, told))

    assert wrong == []
