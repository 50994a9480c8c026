import pytest

from automation.sign_in.frame_pace import FramePace

FRAME = 50_000


def sent_in(seconds: float, pace: FramePace, size_bytes: int = FRAME) -> int:
    now_s, count = 0.0, 0
    while now_s < seconds:
        wait_s = pace.wait_s(now_s)
        if wait_s == 0:
            pace.sent(size_bytes, now_s)
            count += 1
        now_s += wait_s or 1 / 60
    return count


def test_the_first_frames_after_a_pause_go_out_at_once():
    pace = FramePace(0.0, bytes_per_s=500_000)

    waits = []
    for _ in range(11):
        waits.append(pace.wait_s(10.0))
        pace.sent(FRAME, 10.0)

    assert waits == [0] * 11
    assert pace.wait_s(10.0) == pytest.approx(0.1)


def test_what_a_person_does_is_shown_at_once_whatever_was_used_up():
    pace = FramePace(0.0, bytes_per_s=500_000)
    pace.sent(1_000_000, 0.0)
    before_s = pace.wait_s(0.0)

    pace.acted(0.0)

    assert before_s == pytest.approx(1.0)
    assert pace.wait_s(0.0) == 0


@pytest.mark.parametrize("size_bytes", [5_000, 50_000, 200_000])
def test_over_ten_seconds_no_more_than_the_budget_goes_out(size_bytes):
    count = sent_in(10.0, FramePace(0.0, bytes_per_s=500_000), size_bytes)

    assert count * size_bytes <= 11.1 * 500_000 + size_bytes


def test_small_frames_are_not_held_back():
    assert sent_in(1.0, FramePace(0.0, bytes_per_s=500_000), size_bytes=2_000) >= 60
