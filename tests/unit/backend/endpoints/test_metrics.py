from __future__ import annotations

from backend.endpoints.metrics import TurnCounts


def test_nothing_is_counted_before_the_first_turn():
    summary = TurnCounts().summary()

    assert (summary["turns_finished"], summary["duration_p50_s"], summary["duration_p95_s"]) == (
        0,
        None,
        None,
    )


def test_turns_are_counted_by_how_they_ended():
    counts = TurnCounts()
    for duration in range(1, 101):
        counts.note_finished(duration)
    counts.note_cancelled()
    counts.note_failed("SiteError")
    counts.note_failed("SiteError")

    summary = counts.summary()

    assert (summary["turns_finished"], summary["turns_cancelled"], summary["turns_failed"]) == (100, 1, 2)
    assert summary["failures"] == {"SiteError": 2}
    assert (summary["duration_p50_s"], summary["duration_p95_s"]) == (51, 96)
