"""The turn's messages on the page's sockets: whose they are, on which socket, and where they go on after a close."""

import json

import pytest

from automation.capture.decoders.protocol import WireAlive, WireEnd, WireError
from automation.capture.tap_events import ReplyCame, RequestSent, SocketClosed, SocketMessage
from automation.capture.wire_reader import WireReader
from automation.profiles.wire_format import Wire
from automation.turn import TextDelta

PROMPT = "What about apples?"
BY_SOCKET = {"request": "type==ask"}
BY_HTTP = {"request_urls": "*/ask", "id_path": "id"}


def reader(**keys):
    wire = WireReader(
        Wire(decoder="json_socket", urls="*/ws", **{"text_path": "token", "end": "end==true", **keys})
    )
    wire.expect(PROMPT)
    return wire


def sent(text=PROMPT, socket_id="s", **more):
    return SocketMessage(socket_id, json.dumps({"type": "ask", "text": text, **more}), outgoing=True)


def came(token=None, socket_id="s", *, end=False, **more):
    message = {**({"token": token} if token else {}), **({"end": True} if end else {}), **more}
    return SocketMessage(socket_id, json.dumps(message), outgoing=False)


def posted(text=PROMPT, request_id="1"):
    return RequestSent(request_id, "https://x/ask", "POST", json.dumps({"text": text}), matches=False)


def read(wire, *seen):
    return [event for one in seen for event in wire.feed(one, 0.0) if event != WireAlive()]


def show(wire, head, at_s=0.1, *, is_busy=True):
    found = wire.look(head, at_s, is_busy=is_busy, looked_s=at_s)
    return [event for event in found if event != WireAlive()]


def words(events):
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def test_the_response_of_the_pages_request_tells_whose_messages_are_the_turns():
    wire = reader(**BY_HTTP)
    wanted = wire.wants_reply(posted())
    before = read(wire, posted(), came("Pears", id="m2"), came("Apples", id="m1"))
    read(wire, ReplyCame("1", b'{"id": "m1"}'))

    after = show(wire, "") + read(
        wire, came(" grow", id="m2"), came(" fall", id="m1"), came(end=True, id="m1")
    )

    assert wanted is True
    assert before == []
    assert after == [TextDelta("Apples"), TextDelta(" fall"), WireEnd()]
    assert wire.bound_by == "id"


def test_a_profile_may_say_where_the_response_names_the_turn():
    wire = reader(**BY_HTTP, response_id_path="message.key")
    read(wire, posted(), ReplyCame("1", b'{"message": {"key": "k-1"}, "id": "m2"}'))

    events = read(wire, came("Pears", id="m2"), came("Apples", id="k-1"), came(end=True, id="k-1"))

    assert events == [TextDelta("Apples"), WireEnd()]


def test_only_the_response_to_the_question_names_the_turn():
    wire = reader(**BY_HTTP, request="op==Ask", response_id_path="id")
    typing, asking = ({"op": op, "text": PROMPT} for op in ("Typing", "Ask"))
    requests = [
        RequestSent(op, "https://x/ask", "POST", json.dumps(body), matches=False)
        for op, body in (("1", typing), ("2", asking))
    ]

    wanted = [wire.wants_reply(one) for one in requests]

    assert wanted == [False, True]
    assert read(wire, requests[0], came("Pears", id="m2"), requests[1]) == []


def test_where_nothing_names_the_turn_the_page_decides():
    wire = reader(**BY_SOCKET, id_path="id")

    held = read(wire, sent(), came("You asked: pears", id="2"), came("You asked: ap", id="1"))
    unclear = show(wire, "You asked")
    clear = show(wire, "You asked: a", 50.0)

    assert held == unclear == []
    assert clear == [TextDelta("You asked: ap")]
    assert read(wire, came("!", id="2"), came("ples", id="1")) == [TextDelta("ples")]


def test_what_the_page_asks_beside_its_prompt_does_not_begin_the_turn_anew():
    wire = reader(**BY_SOCKET)
    read(wire, sent(), came("Apples"))
    show(wire, "Apples")

    assert read(wire, sent("Name this chat"), came(" fall"), came(end=True)) == [
        TextDelta(" fall"),
        WireEnd(),
    ]


def test_a_message_before_the_prompts_own_is_not_the_turns():
    wire = reader(**BY_SOCKET)
    early = read(wire, sent("What was asked before"), came("Pears"))

    events = read(wire, sent(), came("Apples"))

    assert early == events == []
    assert show(wire, "Apples") == [TextDelta("Apples")]


def test_a_rewrite_on_the_same_socket_is_not_the_answer():
    wire = reader(**BY_SOCKET)
    rewrite = read(wire, sent(mode="rewrite"), came("apple fruit facts"), came(end=True))

    read(wire, sent(), came("Apples"))
    events = show(wire, "Apples") + read(wire, came(end=True))

    assert rewrite == []
    assert events == [TextDelta("Apples"), WireEnd()]


def test_sockets_that_are_not_the_turns_may_come_and_go():
    wire = reader(**BY_SOCKET)
    read(wire, SocketClosed("old"), sent(socket_id="new"), SocketClosed("old"), came("old", socket_id="old"))

    events = read(wire, came("Apples", socket_id="new")) + show(wire, "Apples")

    assert events == [TextDelta("Apples")]


@pytest.mark.parametrize(
    ("rest", "whole"),
    [
        (("The ", "quick ", "fox"), "The quick fox"),
        (("fox",), "The quick fox"),
        (("The ", "cat"), "The quick The cat"),
    ],
    ids=["replayed", "continued", "continued alike"],
)
def test_a_page_that_connects_anew_goes_on_with_its_answer(rest, whole):
    wire = reader(**BY_SOCKET)
    first = read(wire, sent(), came("The "), came("quick ")) + show(wire, "The")
    closed = read(wire, SocketClosed("s"))
    resume = SocketMessage("t", '{"type": "resume", "id": "m1"}', outgoing=True)

    second = read(
        wire, resume, *(came(token, socket_id="t") for token in rest), came(end=True, socket_id="t")
    )

    assert closed == []
    assert words(first + second) == whole
    assert second[-1] == WireEnd()


def test_a_close_is_the_answers_failure_once_the_page_does_nothing_about_it():
    wire = reader(**BY_SOCKET)
    read(wire, sent(), came("The "))
    show(wire, "The")
    read(wire, SocketClosed("s"))

    waiting = show(wire, None, 5.0)
    given_up = show(wire, None, 9.0, is_busy=False)

    assert (waiting, wire.is_open) == ([], False)
    assert given_up == [WireError("its connection closed in mid-answer")]


def test_more_may_come_from_when_the_page_asks_until_its_answer_ends():
    wire = reader(**BY_HTTP)
    read(wire, posted(), ReplyCame("1", b'{"id": "m1"}'))
    before = wire.is_open
    read(wire, came("Apples", id="m1"))
    amid = wire.is_open
    read(wire, came(end=True, id="m1"))

    assert (before, amid, wire.is_open) == (True, True, False)
