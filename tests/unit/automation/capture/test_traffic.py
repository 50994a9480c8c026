"""What the page's requests prove about an answer, whatever they carry."""

import pytest

from automation.capture.traffic import Flow, Traffic

SSE = "text/event-stream"


def streamed(traffic, request_id="1", media_type=SSE, first_s=1.0, last_s=5.0):
    traffic.request_left(request_id)
    traffic.response_began(request_id, media_type)
    traffic.data_came(request_id, first_s)
    traffic.data_came(request_id, last_s)


def test_a_turn_without_requests_says_nothing():
    assert Traffic().flow(1.0) is Flow.UNKNOWN


def test_a_request_that_has_brought_nothing_is_waited_for():
    traffic = Traffic()
    traffic.request_left("1")
    traffic.response_began("1", SSE)

    assert traffic.flow(None) is Flow.WAITING


@pytest.mark.parametrize("media_type", [SSE, "Application/X-NDJSON", "application/connect+proto"])
def test_a_stream_is_known_by_its_type(media_type):
    traffic = Traffic()
    streamed(traffic, media_type=media_type)
    before = traffic.flow(None)
    traffic.request_over("1", is_cut=False)

    assert (before, traffic.flow(None)) == (Flow.OPEN, Flow.STREAM_ENDED)


def test_a_stream_of_any_type_is_known_by_the_text_that_showed_while_it_came():
    traffic = Traffic()
    streamed(traffic, media_type="text/plain", first_s=1.0, last_s=5.0)
    before = traffic.flow(2.0)
    traffic.request_over("1", is_cut=False)

    assert (before, traffic.flow(2.0)) == (Flow.OPEN, Flow.STREAM_ENDED)


def test_one_whole_body_is_no_stream():
    traffic = Traffic()
    streamed(traffic, media_type="application/json", first_s=1.0, last_s=1.1)
    traffic.request_over("1", is_cut=False)

    assert traffic.flow(1.2) is Flow.BODY_ENDED


def test_bodies_one_after_the_other_may_be_polling_and_prove_nothing():
    traffic = Traffic()
    for request_id in ("1", "2"):
        streamed(traffic, request_id, "application/json")
        traffic.request_over(request_id, is_cut=False)

    assert traffic.flow(9.0) is Flow.UNKNOWN


@pytest.mark.parametrize(
    "brings",
    [lambda t: t.message_came(), lambda t: t.data_came("of the turn before", 2.0)],
    ids=["socket", "stream"],
)
def test_beside_a_socket_or_a_stream_of_before_one_body_proves_nothing(brings):
    traffic = Traffic()
    streamed(traffic, media_type="application/json")
    traffic.request_over("1", is_cut=False)
    brings(traffic)

    assert traffic.flow(9.0) is Flow.UNKNOWN


def test_after_a_stream_another_request_is_waited_for():
    traffic = Traffic()
    streamed(traffic)
    traffic.request_over("1", is_cut=False)
    traffic.request_left("2")

    assert traffic.flow(2.0) is Flow.WAITING


def test_a_second_stream_keeps_the_answer_open():
    traffic = Traffic()
    streamed(traffic)
    traffic.request_over("1", is_cut=False)
    streamed(traffic, "2")

    assert traffic.flow(2.0) is Flow.OPEN


def test_a_stream_that_broke_is_cut_unless_another_one_went_on():
    traffic = Traffic()
    streamed(traffic)
    traffic.request_over("1", is_cut=True)
    alone = traffic.flow(2.0)
    streamed(traffic, "2")
    traffic.request_over("2", is_cut=False)

    assert (alone, traffic.flow(2.0)) == (Flow.CUT, Flow.STREAM_ENDED)


def test_what_the_turn_before_left_open_is_not_this_turns():
    traffic = Traffic()
    streamed(traffic)
    traffic.begin()

    assert traffic.flow(2.0) is Flow.UNKNOWN
