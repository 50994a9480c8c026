"""Which stream is the answer, and what its end, its cut or its error status means."""

import json

import pytest

from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireError
from automation.capture.tap_events import (
    BodyBytes,
    BodyEnded,
    RequestSent,
    ResponseBegan,
    SocketClosed,
    SocketMessage,
    StreamMissed,
)
from automation.capture.wire_reader import WireReader
from automation.profiles.wire_format import Wire
from automation.turn import TextDelta

URL = "http://x/v1/chat/completions"


def body_reader():
    return WireReader(Wire(decoder="openai_sse", urls="*"))


def socket_reader(decoder="open_webui"):
    return WireReader(Wire(decoder=decoder, urls="*"))


def left(request_id="1", *, matches=True, body=None):
    return RequestSent(request_id, URL, "POST", body, matches)


def began(status=200, request_id="1", retry_after=None):
    return ResponseBegan(request_id, URL, status, "text/event-stream", retry_after)


def chunk(text, request_id="1"):
    data = {"choices": [{"index": 0, "delta": {"content": text}}]}
    return BodyBytes(request_id, f"data: {json.dumps(data)}\n\n".encode())


def done(request_id="1"):
    return BodyBytes(request_id, b"data: [DONE]\n\n")


def ended(failure=None, request_id="1"):
    return BodyEnded(request_id, failure)


def read(reader, *seen):
    return [event for one in seen for event in reader.feed(one, 0.0)]


def page_is_done(reader):
    """Look at a page that shows no work, now and after a while; return what becomes known."""
    return [
        event for at_s in (100.0, 110.0) for event in reader.look(None, at_s, is_busy=False, looked_s=at_s)
    ]


def text_of(events):
    return "".join(event.text for event in events if isinstance(event, TextDelta))


# -- responses -----------------------------------------------------------------------------------------------------------


def test_a_response_is_read_from_its_request_to_its_end_marker():
    reader = body_reader()

    events = read(reader, left(), began(), chunk("Hel"), chunk("lo"), done(), ended())

    assert events == [WireAlive(), TextDelta("Hel"), TextDelta("lo"), WireEnd()]


def test_only_a_request_that_matches_counts_as_sent():
    reader = body_reader()
    before = (reader.request_left, reader.is_open)
    read(reader, left("9", matches=False))
    side = reader.request_left
    read(reader, left())

    assert before == (False, True)
    assert side is False
    assert (reader.request_left, reader.is_open) == (True, True)


def test_a_missed_stream_may_be_the_answer_until_one_is_there_that_can_be_read():
    reader = body_reader()

    at_first = reader.was_missed
    events = read(reader, StreamMissed("7"))
    without_request = reader.was_missed
    read(reader, left())

    assert events == []
    assert (at_first, without_request, reader.was_missed) == (False, True, False)


def test_the_first_stream_that_gives_text_is_the_answer_and_the_others_are_not_read():
    reader = body_reader()

    events = read(
        reader,
        left("1"),
        left("2"),
        began(request_id="1"),
        began(request_id="2"),
        chunk("answer", "2"),
        chunk("title", "1"),
        ended(request_id="1"),
        chunk(" more", "2"),
        done("2"),
    )

    assert [event for event in events if event != WireAlive()] == [
        TextDelta("answer"),
        TextDelta(" more"),
        WireEnd(),
    ]


def test_an_error_of_a_side_stream_does_not_end_the_answer():
    reader = body_reader()

    events = read(reader, left("1"), left("2"), chunk("a", "1"), began(500, "2"), ended("x", "2"))

    assert text_of(events) == "a"
    assert not any(isinstance(event, WireError) for event in events)


def test_nothing_is_read_after_the_end():
    reader = body_reader()
    one_piece = BodyBytes("1", chunk("a").data + done().data + chunk("b").data)

    events = read(reader, left(), one_piece, chunk("c"), ended("net::ERR_ABORTED"))

    assert events == [TextDelta("a"), WireEnd()]


def test_a_response_that_was_under_way_before_is_not_read():
    assert read(body_reader(), began(), chunk("old"), done(), ended()) == []


def test_a_stream_that_is_cut_in_mid_answer_is_an_error():
    reader = body_reader()

    events = read(reader, left(), chunk("a"), ended("net::ERR_CONNECTION_RESET"))

    assert text_of(events) == "a"
    assert page_is_done(reader) == [WireError("its stream was cut (net::ERR_CONNECTION_RESET)")]


@pytest.mark.parametrize("failure", ["net::ERR_CONNECTION_RESET", "failed"])
def test_a_stream_that_is_cut_before_it_said_anything_is_an_error(failure):
    reader = body_reader()

    assert read(reader, left(), ended(failure)) == []
    assert page_is_done(reader) == [WireError(f"its stream was cut ({failure})")]


def test_a_stream_that_ends_cleanly_without_its_end_marker_is_an_error():
    reader = body_reader()

    events = read(reader, left(), chunk("a"), ended())

    assert text_of(events) == "a"
    assert page_is_done(reader) == [WireError("its stream ended without its end marker")]


def test_a_finish_reason_at_a_clean_end_is_an_end():
    finish = BodyBytes("1", b'data: {"choices": [{"delta": {}, "finish_reason": "length"}]}\n\n')

    events = read(body_reader(), left(), chunk("a"), finish, ended())

    assert events == [TextDelta("a"), WireEnd("length")]


def test_a_stream_that_ends_without_a_word_is_no_news():
    reader = body_reader()

    events = read(reader, left(), began(), ended())

    assert events == [WireAlive()]
    assert reader.is_open is False


def test_a_long_poll_that_the_page_gave_up_is_no_news_and_the_next_one_is_read():
    reader = body_reader()

    events = read(reader, left("1"), ended("cancelled", "1"), left("2"), chunk("a", "2"), done("2"))

    assert events == [TextDelta("a"), WireEnd()]


def test_an_answer_that_the_page_gave_up_is_cut():
    reader = body_reader()

    events = read(reader, left(), chunk("a"), ended("cancelled"))

    assert text_of(events) == "a"
    assert page_is_done(reader) == [WireError("its stream was cut (cancelled)")]


@pytest.mark.parametrize(
    ("status", "retry_after", "body", "error"),
    [
        (429, "20", b'{"error": {"message": "Wait"}}', WireError("Wait", "rate_limited", 20.0)),
        (401, None, b'{"detail": "Who?"}', WireError("Who?", "sign_in_required")),
        (400, None, b'{"message": "No"}', WireError("No (HTTP 400)")),
        (500, None, b"<html>oops</html>", WireError("HTTP 500")),
    ],
)
@pytest.mark.parametrize("failure", [None, "net::ERR_FAILED"])
def test_an_error_status_is_told_with_the_words_of_its_body(status, retry_after, body, error, failure):
    reader = body_reader()
    pieces = [BodyBytes("1", body[i : i + 1]) for i in range(len(body))]

    events = read(reader, left(), began(status, retry_after=retry_after), *pieces, ended(failure))

    assert [event for event in events if event != WireAlive()] == []
    assert page_is_done(reader) == [error]


def test_of_a_huge_error_body_only_the_beginning_is_kept():
    reader = body_reader()
    read(reader, left(), began(500), *[BodyBytes("1", b"x" * 40_000)] * 3)

    read(reader, ended())

    (error,) = page_is_done(reader)
    assert error == WireError("x" * 499 + "… (HTTP 500)")


def test_a_rate_limit_under_http_200_is_an_error_and_no_empty_answer():
    body = b'{"error": {"message": "Rate limit reached", "type": "rate_limit_error"}}'

    reader = body_reader()

    read(reader, left(), began(200), BodyBytes("1", body), ended())

    assert page_is_done(reader) == [WireError("Rate limit reached", "rate_limited")]


def test_what_the_decoder_can_not_read_is_an_error():
    reader = body_reader()
    read(reader, left(), began())

    with pytest.raises(StreamFormatError):
        reader.feed(BodyBytes("1", b"<html>"), 0.0)


def test_sockets_are_no_part_of_an_answer_that_comes_by_http():
    reader = body_reader()

    assert read(reader, SocketMessage("s", "x", outgoing=False), SocketClosed("s")) == []


# -- sockets -------------------------------------------------------------------------------------------------------------


def event_of(kind, data):
    argument = {"chat_id": "c", "message_id": "m1", "data": {"type": kind, "data": data}}
    return SocketMessage("s", "42" + json.dumps(["events", argument]), outgoing=False)


def test_a_socket_is_read_after_the_request_that_asked_by_http():
    reader = socket_reader()
    body = json.dumps({"chat_id": "c", "id": "m1"})
    before = read(reader, event_of("message", {"content": "of another turn"}))

    asked = reader.feed(RequestSent("1", "http://x/api/chat/completions", "POST", body, matches=False), 0.0)
    answer = read(reader, event_of("message", {"content": "Hel"}), event_of("message", {"content": "lo"}))

    assert before == []
    assert asked == [WireAlive()]
    assert reader.request_left is True
    assert answer == [TextDelta("Hel"), TextDelta("lo")]


def test_a_socket_is_read_after_the_message_that_asked():
    reader = socket_reader("chainlit")
    asked = ["client_message", {"message": {"id": "u1", "output": "hi", "type": "user_message"}}]

    events = read(reader, SocketMessage("s", "42" + json.dumps(asked), outgoing=True))

    assert events == [WireAlive()]
    assert reader.request_left is True


def test_a_socket_that_closes_in_mid_answer_is_an_error_once_the_page_is_done():
    reader = socket_reader("chainlit")
    asked = ["client_message", {"message": {"id": "u1", "output": "hi", "type": "user_message"}}]
    before = read(reader, SocketClosed("s"), SocketMessage("s", "42" + json.dumps(asked), outgoing=True))

    events = read(reader, SocketClosed("another"), SocketClosed("s"))

    assert before == [WireAlive()]
    assert events == []
    assert page_is_done(reader) == [WireError("its connection closed in mid-answer")]


def test_responses_are_no_part_of_an_answer_that_comes_by_socket():
    reader = socket_reader()

    assert read(reader, began(500), BodyBytes("1", b"x"), ended("x")) == []
    assert reader.is_open is True


def test_what_a_socket_decoder_can_not_read_is_an_error():
    reader = socket_reader("streamlit")

    with pytest.raises(StreamFormatError):
        read(reader, SocketMessage("s", b"\xff", outgoing=False))
