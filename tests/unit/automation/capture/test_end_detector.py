"""An answer is complete when something proves it, and never because it pauses."""

import random

import pytest

from automation.capture.end_detector import CutOffAnswer, EndDetector, EndMove, Sample, Verdict
from automation.capture.traffic import Flow

QUIET_S = 5.0
TICK_S = 0.1


def feed(samples, quiet_s=QUIET_S):
    """Return the verdict after each sample."""
    completion = EndDetector(quiet_s)
    return [completion.feed(sample) for sample in samples]


def during(seconds, start_s=0.0, **seen):
    """The same picture, sampled every tick."""
    count = round(seconds / TICK_S)
    return [Sample(at_s=start_s + i * TICK_S, **seen) for i in range(count)]


def first(verdicts, wanted):
    return verdicts.index(wanted) if wanted in verdicts else None


def test_the_streams_own_end_marker_is_proof_at_once():
    assert feed([Sample(0.0, wire_ended=True, answer_chars=3, stop=True)]) == [Verdict.COMPLETE]


def test_a_stream_that_ends_without_text_is_empty():
    assert feed([Sample(0.0, wire_ended=True)]) == [Verdict.EMPTY]


def test_a_stall_of_three_seconds_with_the_stop_control_visible_is_never_complete():
    verdicts = feed(during(3.0, answer_chars=10, stop=True, ready=True, finished=True))

    assert set(verdicts) == {Verdict.WAIT}


def test_not_even_an_hour_of_quiet_is_an_end_while_the_stop_control_shows():
    assert set(feed([Sample(s, answer_chars=10, stop=True) for s in range(0, 3600, 10)])) == {Verdict.WAIT}


@pytest.mark.parametrize("ready", [True, False])
def test_the_stop_control_gone_for_one_check_only_is_no_end(ready):
    running = {"answer_chars": 10, "ready": ready}
    samples = [
        *during(1.0, stop=True, **running),
        Sample(1.0, stop=False, **running),
        *during(1.0, start_s=1.1, stop=True, **running),
        Sample(2.1, stop=False, **running),
        *during(1.0, start_s=2.2, stop=True, **running),
    ]

    assert set(feed(samples)) == {Verdict.WAIT}


def test_the_stop_control_gone_while_the_field_is_ready_is_the_end_after_a_moment():
    samples = [*during(1.0, answer_chars=10, stop=True), *during(0.6, 1.01, answer_chars=10, ready=True)]

    assert first(feed(samples), Verdict.COMPLETE) == 13


def test_a_stop_control_that_is_gone_between_two_steps_is_no_end():
    """The text has rested since the first step; the next step's stop control is back within a moment."""
    samples = [*during(1.0, answer_chars=10, stop=True), *during(0.28, 1.0, answer_chars=10, ready=True)]
    samples += during(3.0, 1.28, answer_chars=10, stop=True, ready=True)

    assert set(feed(samples)) == {Verdict.WAIT}


def test_a_stop_control_that_came_back_once_must_be_gone_for_longer_the_next_time():
    step = [*during(1.0, answer_chars=10, stop=True), *during(0.28, 1.0, answer_chars=10, ready=True)]
    again = [*during(1.0, 1.3, answer_chars=10, stop=True), *during(3.0, 2.3, answer_chars=10, ready=True)]

    assert first(feed([*step, *again]), Verdict.COMPLETE) == pytest.approx(len(step) + 10 + 10, abs=1)


@pytest.mark.parametrize(
    ("flow", "stood_s"),
    [(Flow.WAITING, 3.0), (Flow.ASKING_AGAIN, 30.0), (Flow.OPEN, 1.0), (Flow.POLLING, 0.3)],
)
def test_controls_must_stand_the_longer_the_more_the_pages_requests_may_still_bring(flow, stood_s):
    samples = [
        *during(1.0, answer_chars=10, stop=True),
        *during(40.0, 1.0, answer_chars=10, ready=True, flow=flow),
    ]

    assert first(feed(samples), Verdict.COMPLETE) == pytest.approx(10 + stood_s / TICK_S, abs=1)


@pytest.mark.parametrize("shows_end", [{"finished": True}, {}])
def test_text_that_changes_without_changing_its_length_does_not_rest(shows_end):
    samples = [
        Sample(i * TICK_S, answer_chars=4, revision=i // 20, ready=True, **shows_end) for i in range(100)
    ]

    verdicts = feed(samples, quiet_s=2.5)

    assert first(verdicts, Verdict.COMPLETE) == (3 if shows_end else None)
    assert verdicts[20] is verdicts[21] is Verdict.WAIT


def test_a_stream_that_ended_without_a_word_is_empty_after_a_while():
    verdicts = feed(during(20.0, ready=True, flow=Flow.STREAM_ENDED))

    assert first(verdicts, Verdict.EMPTY) == pytest.approx(100, abs=2)


def test_no_text_while_a_request_is_under_way_is_not_yet_empty():
    samples = [*during(1.0, stop=True), *during(29.0, 1.0, ready=True, flow=Flow.WAITING)]

    assert set(feed(samples)) == {Verdict.WAIT}


def test_a_limit_that_is_reached_with_the_last_answer_does_not_undo_it():
    """The field stays closed for it."""
    said = {"error": "No messages left", "is_limit": True}
    samples = [*during(1.0, answer_chars=10, stop=True), *during(2.0, 1.0, answer_chars=10, **said)]

    assert first(feed(samples), Verdict.COMPLETE) == pytest.approx(13, abs=1)


@pytest.mark.parametrize(
    ("seen", "after_s"),
    [
        ({}, 0.2),
        ({"error_rest_s": 5.0}, 5.1),
        ({"stop": True}, None),
        ({"flow": Flow.WAITING}, None),
        ({"answer_chars": 3, "stop": False}, None),
    ],
)
def test_words_that_are_gone_are_an_error_where_no_answer_comes(seen, after_s):
    verdicts = feed(during(9.0, error="Too many requests", is_error_past=True, **seen), quiet_s=20.0)

    at = first(verdicts, Verdict.ERROR)
    assert at == (None if after_s is None else pytest.approx(after_s / TICK_S, abs=1))


def test_the_stop_control_gone_while_the_field_takes_no_input_is_no_end():
    samples = [*during(1.0, answer_chars=10, stop=True), *during(20.0, 1.0, answer_chars=10)]

    assert set(feed(samples)) == {Verdict.WAIT}


def test_samples_closer_than_a_check_count_once():
    samples = [Sample(0.0, answer_chars=5, finished=True)]
    samples += [Sample(0.2 + i * 0.001, answer_chars=5, finished=True) for i in range(79)]
    samples += [Sample(0.3, answer_chars=5, finished=True)]

    verdicts = feed(samples)

    assert first(verdicts, Verdict.COMPLETE) == len(samples) - 1


def test_finished_actions_for_a_moment_are_the_end():
    verdicts = feed(during(0.6, answer_chars=10, finished=True))

    assert first(verdicts, Verdict.COMPLETE) == 3


def test_text_that_grows_after_finished_actions_showed_begins_the_proof_anew():
    samples = [Sample(i * TICK_S, answer_chars=i // 2 + 1, finished=True) for i in range(100)]

    assert set(feed(samples)) == {Verdict.WAIT}


@pytest.mark.parametrize(
    ("seen", "by_controls"),
    [({"finished": True}, True), ({"ready": True}, False), ({"finished": True, "stop": True}, False)],
)
def test_an_end_that_controls_show_is_told_apart_from_quiet(seen, by_controls):
    completion = EndDetector(quiet_s=0.5)
    for sample in during(2.0, answer_chars=10, **seen):
        completion.feed(sample)
    before = completion.is_shown_by_controls
    completion.feed(Sample(2.0, answer_chars=11, **seen))

    assert before is by_controls
    assert completion.is_shown_by_controls is False


def test_quiet_is_an_end_only_where_the_page_shows_nothing_better():
    verdicts = feed(during(7.0, answer_chars=10, ready=True))

    assert first(verdicts, Verdict.COMPLETE) == pytest.approx(51, abs=1)


def test_quiet_without_any_text_is_no_end():
    assert set(feed(during(60.0, ready=True))) == {Verdict.WAIT}


def test_an_end_without_text_is_empty_only_after_the_text_had_time_to_show():
    samples = [*during(1.0, stop=True), *during(6.0, 1.0, ready=True)]

    verdicts = feed(samples)

    assert first(verdicts, Verdict.EMPTY) == pytest.approx(50, abs=1)
    assert Verdict.COMPLETE not in verdicts


def test_text_that_shows_after_the_stop_control_went_is_an_answer():
    samples = [
        *during(1.0, stop=True),
        *during(2.0, 1.0, ready=True),
        *during(1.0, 3.0, answer_chars=8, ready=True),
    ]

    verdicts = feed(samples)

    assert Verdict.EMPTY not in verdicts
    assert first(verdicts, Verdict.COMPLETE) == pytest.approx(33, abs=1)


def test_an_error_banner_for_two_checks_is_an_error():
    assert first(feed(during(0.5, error="Something went wrong")), Verdict.ERROR) == 2


def test_an_error_banner_that_goes_again_is_none():
    samples = [
        Sample(0.0),
        Sample(0.1, error="Reconnecting"),
        *during(1.0, 0.2),
        Sample(1.2, error="Reconnecting"),
        *during(1.0, 1.3),
    ]

    assert set(feed(samples)) == {Verdict.WAIT}


def test_an_error_banner_beside_an_answer_that_goes_on_is_no_error():
    growing = [Sample(i * TICK_S, answer_chars=i, error="A tool failed") for i in range(50)]
    stoppable = during(5.0, 5.0, answer_chars=49, stop=True, error="A tool failed")

    assert set(feed(growing + stoppable)) == {Verdict.WAIT}


@pytest.mark.parametrize("seed", range(40))
def test_no_pause_of_a_stream_is_ever_taken_for_its_end(seed):
    """A page with a stop control that flickers at times, and a stream that stalls for up to a minute."""
    chance = random.Random(seed)
    completion, at_s, chars, verdicts = EndDetector(chance.uniform(0.5, 5.0)), 0.0, 0, []
    for _ in range(40):
        chars += chance.randrange(0, 30)
        pause_end_s, is_flickered = at_s + chance.choice([0.05, 0.3, 1.0, 3.0, 60.0]), False
        while at_s < pause_end_s:
            # Controls may be painted anew, which hides them for one check, never for two.
            is_flickered = not is_flickered and chance.random() < 0.1
            sample = Sample(at_s, answer_chars=chars, stop=not is_flickered, ready=chance.random() < 0.5)
            verdicts.append(completion.feed(sample))
            at_s += chance.uniform(0.08, 0.2)
        # Between two pauses the control is seen.
        verdicts.append(completion.feed(Sample(at_s, answer_chars=chars, stop=True)))
        at_s += 0.1
    false_early = [verdict for verdict in verdicts if verdict is not Verdict.WAIT]

    ends = [
        completion.feed(Sample(at_s + i * TICK_S, answer_chars=chars + 1, stop=False, ready=True))
        for i in range(14)
    ]

    assert false_early == []
    assert set(ends[:3]) == {Verdict.WAIT}
    assert Verdict.COMPLETE in ends


# -- pages without controls ----------------------------------------------------------------------------------------------


def seconds_until_complete(seconds=60.0, quiet_s=10.0, **seen):
    """For how long a page that shows this must rest; None where that is no end."""
    at = first(feed(during(seconds, answer_chars=10, ready=True, **seen), quiet_s), Verdict.COMPLETE)
    return None if at is None else pytest.approx(at * TICK_S, abs=0.2)


@pytest.mark.parametrize(
    ("flow", "finished", "rest_s"),
    [
        (Flow.STREAM_ENDED, None, 0.4),
        (Flow.STREAM_ENDED, False, 3.1),
        (Flow.BODY_ENDED, None, 3.1),
        (Flow.UNKNOWN, None, 10.1),
        (Flow.CUT, None, 10.1),
        (Flow.WAITING, None, 30.1),
        (Flow.OPEN, None, None),
    ],
)
def test_how_long_the_text_must_rest_is_told_by_the_pages_requests(flow, finished, rest_s):
    assert seconds_until_complete(flow=flow, finished=finished) == rest_s


@pytest.mark.parametrize("flow", [Flow.OPEN, Flow.WAITING, Flow.UNKNOWN])
def test_a_persons_word_for_how_long_quiet_must_last_counts_whatever_the_requests_say(flow):
    completion = EndDetector(2.0, is_quiet_trusted=True)

    verdicts = [completion.feed(sample) for sample in during(5.0, answer_chars=10, ready=True, flow=flow)]

    assert first(verdicts, Verdict.COMPLETE) == pytest.approx(21, abs=1)


@pytest.mark.parametrize("shows_end", [{"finished": True}, {"ready": True}])
def test_controls_beside_an_open_stream_must_stand_for_a_second(shows_end):
    started = [Sample(0.0, answer_chars=10, stop=True), Sample(0.1, answer_chars=10, stop=True)]
    samples = [*started, *during(3.0, 0.2, answer_chars=10, flow=Flow.OPEN, **shows_end)]

    assert first(feed(samples), Verdict.COMPLETE) == pytest.approx(12, abs=1)


def test_a_stop_control_that_flickers_between_two_steps_is_no_end_while_the_stream_is_open():
    step = [
        *during(2.0, answer_chars=10, stop=True, ready=True, flow=Flow.OPEN),
        *during(0.8, 2.0, answer_chars=10, ready=True, flow=Flow.OPEN),
        *during(2.0, 2.8, answer_chars=10, stop=True, flow=Flow.OPEN),
    ]

    # The text rests since the beginning, the control is gone for less than a second.
    assert set(feed(step)) == {Verdict.WAIT}


def test_a_field_that_takes_no_more_input_after_the_answer_does_not_hide_the_streams_end():
    samples = [
        *during(1.0, answer_chars=10, stop=True, flow=Flow.OPEN),
        *during(9.0, 1.0, answer_chars=10, flow=Flow.STREAM_ENDED),
    ]

    assert first(feed(samples), Verdict.COMPLETE) == pytest.approx(31, abs=2)


@pytest.mark.parametrize("working", [{"busy": True, "ready": True}, {"ready": False}])
def test_work_that_was_shown_and_is_over_is_an_end_after_a_rest(working):
    samples = [*during(8.0, answer_chars=10, **working), *during(3.0, 8.0, answer_chars=10, ready=True)]

    assert first(feed(samples, quiet_s=20.0), Verdict.COMPLETE) == pytest.approx(91, abs=2)


def test_a_field_that_is_closed_only_while_the_prompt_goes_out_shows_no_work():
    samples = [*during(0.8, answer_chars=10), *during(9.0, 0.8, answer_chars=10, ready=True)]

    assert set(feed(samples, quiet_s=10.0)) == {Verdict.WAIT}


def test_a_field_that_stays_closed_beside_the_text_outlasts_a_pause():
    assert set(feed(during(29.0, answer_chars=10), quiet_s=10.0)) == {Verdict.WAIT}
    assert first(feed(during(40.0, answer_chars=10), quiet_s=10.0), Verdict.COMPLETE) == pytest.approx(
        301, abs=2
    )


def test_a_cursor_that_blinks_is_no_end():
    samples = []
    for second in range(20):
        samples += during(0.5, second, answer_chars=10, busy=True, ready=True)
        samples += during(0.5, second + 0.5, answer_chars=10, ready=True)

    assert set(feed(samples)) == {Verdict.WAIT}


# -- an answer that the site cut off ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "moves"),
    [
        ({"is_shown": False}, [EndMove.OVER]),
        ({"is_shown": True}, [EndMove.PRESS, EndMove.PRESS, EndMove.OVER]),
        # After an end that the wire told, the control may come a moment later; longer where the site said that it cut.
        ({"is_shown": False, "shows_late": True}, [EndMove.WAIT, EndMove.OVER]),
        ({"is_shown": False, "shows_late": True, "is_cut": True}, [EndMove.WAIT, EndMove.WAIT, EndMove.OVER]),
    ],
)
def test_an_answer_that_was_cut_off_is_told_to_go_on(facts, moves):
    rule = CutOffAnswer(2)
    told = {"shows_late": False, "is_cut": False, **facts}

    assert [rule.judge_end(**told, at_s=at_s) for at_s in (0.0, 1.0, 4.0)[: len(moves)]] == moves
    assert rule.is_cut is (moves[-1] is EndMove.OVER and (told["is_shown"] or told["is_cut"]))


def test_without_a_control_in_the_profile_nothing_is_waited_for():
    rule = CutOffAnswer(0)

    assert rule.judge_end(is_shown=False, shows_late=True, is_cut=False, at_s=0.0) is EndMove.OVER


@pytest.mark.parametrize(
    ("sample", "is_awaited"),
    [
        (Sample(1.5, revision=3, finished=True), True),
        (Sample(1.5, revision=3, stop=True), False),
        (Sample(1.5, revision=3, busy=True), False),
        (Sample(1.5, revision=4), False),
        (Sample(11.0, revision=3), False),
    ],
)
def test_what_looked_like_the_end_counts_again_once_the_answer_goes_on(sample, is_awaited):
    rule = CutOffAnswer(5)
    rule.pressed(1.0, revision=3)

    assert rule.is_awaited(sample) is is_awaited
