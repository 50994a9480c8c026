"""What a delta of the wire costs does not depend on what came before it: told by the memory that is asked for, not by time.

Whoever joins, copies or cuts an answer for each of its deltas asks for memory of the answer's length each time.
"""

import asyncio
import tracemalloc

import pytest

from tests.fakes.wire_drive import drive
from tests.fakes.wire_streams import STREAMS, pieces_of_answer

FEW, TIMES = 60, 8
PIECE_SIZE = 40  # times a word: long enough that a copy of the answer is more than what a delta needs anyway
MOST = 10


@pytest.mark.parametrize("name", [name for name, kind in STREAMS.items() if not kind.is_cumulative])
def test_eight_times_the_deltas_ask_for_no_more_than_ten_times_the_memory(name):
    few, many = (allocated(STREAMS[name], size) for size in (FEW, FEW * TIMES))

    assert many <= MOST * few


@pytest.mark.parametrize("name", [name for name, kind in STREAMS.items() if kind.is_cumulative])
def test_snapshots_ask_for_memory_in_proportion_to_their_bytes(name):
    kind = STREAMS[name]
    few, many = (allocated(kind, size) for size in (FEW, FEW * TIMES))
    few_bytes, many_bytes = (received(kind, size) for size in (FEW, FEW * TIMES))

    assert many / many_bytes <= MOST / TIMES * few / few_bytes


def test_a_copy_for_each_delta_would_be_seen():
    told = ""

    def copy(frame):
        nonlocal told
        told += frame.params.get("data", "")

    few, many = (allocated(STREAMS["openai_sse"], size, copy) for size in (FEW, FEW * TIMES))

    assert many > 2 * MOST * few


def frames_of(kind, count):
    return kind.write([piece * PIECE_SIZE for piece in pieces_of_answer(count)])


def received(kind, count):
    return sum(len(str(frame.params)) for frame in frames_of(kind, count))


def allocated(kind, count, and_also=lambda frame: None):
    """Return the bytes that were asked for at once, at most, while each frame was on its way, added up."""
    total = before_bytes = 0

    def before(_):
        nonlocal before_bytes
        tracemalloc.reset_peak()
        before_bytes = tracemalloc.get_traced_memory()[0]

    def after(frame):
        nonlocal total
        and_also(frame)
        total += tracemalloc.get_traced_memory()[1] - before_bytes

    frames = frames_of(kind, count)
    tracemalloc.start()
    try:
        asyncio.run(drive(kind, frames, before, after))
    finally:
        tracemalloc.stop()
    return total
