"""The tap tells every byte of the answer's response once and in order, whatever comes late or fails."""

import base64
from contextlib import asynccontextmanager

import anyio
import pytest

from automation.capture.network_tap import NetworkTap
from automation.capture.tap_events import (
    BodyBytes,
    BodyEnded,
    ReplyCame,
    RequestSent,
    ResponseBegan,
    SocketClosed,
    SocketMessage,
    StreamMissed,
)
from automation.capture.traffic import Flow
from automation.errors import PageLostError
from tests.unit.automation.capture.fake_channel import FakeChannel

URL = "https://x/api/chat?id=1"
ARM = "Network.streamResourceContent"
WHOLE = "Network.getResponseBody"


def encoded(data):
    return base64.b64encode(data).decode()


async def rest():
    """Return when every task waits for something."""
    await anyio.wait_all_tasks_blocked()


class Tapped:
    """A tap on one fake page, and what it told."""

    def __init__(self, tap, page):
        self.tap = tap
        self.page = page
        self.told = []

    def request(self, request_id="1", url=URL, method="POST", kind="Fetch", post=None):
        request = {"url": url, "method": method}
        if post is not None:
            request["postData"] = post
        self.page.tell("Network.requestWillBeSent", requestId=request_id, type=kind, request=request)

    def data(self, data, request_id="1", *, with_bytes=True):
        more = {"data": encoded(data)} if with_bytes else {}
        self.page.tell("Network.dataReceived", requestId=request_id, dataLength=len(data), **more)

    def finished(self, request_id="1"):
        self.page.tell("Network.loadingFinished", requestId=request_id)

    @property
    def body(self):
        """The bytes told, joined, and how often some were told."""
        pieces = [event.data for event in self.told if isinstance(event, BodyBytes)]
        return b"".join(pieces)

    @property
    def ends(self):
        return [event for event in self.told if isinstance(event, BodyEnded)]


@asynccontextmanager
async def tapped(*, urls=("*/api/chat*",), methods=("POST",), sockets=False, listening=True):
    page = FakeChannel()
    async with anyio.create_task_group() as tasks:

        def spawn(work):
            tasks.start_soon(_run, work)

        tap = NetworkTap(urls, methods, sockets=sockets, spawn=spawn, ready_message="5")
        seen = Tapped(tap, page)
        await tap.attach(page)
        if listening:
            tap.listen(seen.told.append)
        yield seen
        tasks.cancel_scope.cancel()


async def _run(work):
    await work


# -- bytes ---------------------------------------------------------------------------------------------------------------


async def test_a_response_is_told_as_it_streams():
    async with tapped() as seen:
        seen.request(post='{"q": 1}')
        await rest()
        response = {"url": URL, "status": 200, "mimeType": "text/event-stream", "headers": {}}
        seen.page.tell("Network.responseReceived", requestId="1", response=response)
        seen.data(b"a")
        seen.data(b"b")
        seen.finished()
        await rest()

    assert seen.told == [
        RequestSent("1", URL, "POST", '{"q": 1}', matches=True),
        ResponseBegan("1", URL, 200, "text/event-stream", None),
        BodyBytes("1", b"a"),
        BodyBytes("1", b"b"),
        BodyEnded("1", None),
    ]
    assert seen.page.methods() == ["Network.enable", ARM]


def answered(seen, request_id="1", **more):
    response = {"url": URL, "status": 200, "mimeType": "application/json", "headers": {}, **more}
    seen.page.tell("Network.responseReceived", requestId=request_id, response=response)


async def test_the_status_of_every_request_is_told_and_whether_it_was_sent_on():
    other = "https://x/login"
    async with tapped() as seen:
        seen.request("7", url="https://x/other")
        answered(seen, "7", status=403)
        seen.request("8")
        seen.request("8", url=other, method="GET")
        answered(seen, "8", url=other, mimeType="text/html")
        await rest()

    assert [event for event in seen.told if isinstance(event, ResponseBegan)] == [
        ResponseBegan("7", URL, 403, "application/json", None),
        ResponseBegan("8", other, 200, "text/html", None, was_redirected=True),
    ]


@pytest.mark.parametrize("is_over_before", [False, True])
async def test_the_whole_response_of_a_request_is_told_where_it_is_asked_for(is_over_before):
    async with tapped() as seen:
        seen.page.replies[WHOLE] = {"body": '{"id": 1}', "base64Encoded": False}
        seen.request("7", url="https://x/other")
        if is_over_before:
            seen.finished("7")
        seen.tap.keep_reply("7")
        seen.tap.keep_reply("unknown")
        await rest()
        early = seen.page.methods().count(WHOLE)
        if not is_over_before:
            seen.finished("7")
        await rest()

    assert early == is_over_before
    assert seen.told[-1] == ReplyCame("7", b'{"id": 1}')


async def test_a_response_that_is_gone_is_not_told():
    async with tapped() as seen:
        seen.page.replies[WHOLE] = PageLostError("No resource with given identifier found")
        seen.request("7", url="https://x/other")
        seen.tap.keep_reply("7")
        seen.finished("7")
        await rest()

    assert not any(isinstance(event, ReplyCame) for event in seen.told)


async def test_a_response_is_being_armed_until_it_streams():
    async with tapped() as seen:
        gate = seen.page.hold(ARM)
        seen.request()
        await rest()
        before = seen.tap.is_arming
        gate.set()
        await rest()

        assert (before, seen.tap.is_arming) == (True, False)


async def test_sockets_rest_once_they_have_said_nothing_for_a_while():
    async with tapped(sockets=True) as seen:
        at_first = await seen.tap.until_sockets_rest(0.01, 5.0)
        seen.page.tell("Network.webSocketCreated", requestId="s", url=URL)
        seen.page.tell(
            "Network.webSocketFrameReceived", requestId="s", response={"opcode": 1, "payloadData": "x"}
        )
        too_soon = await seen.tap.until_sockets_rest(60.0, 0.01)
        later = await seen.tap.until_sockets_rest(0.01, 5.0)

    assert (at_first, too_soon, later) == (True, False, True)


async def test_a_response_is_armed_when_its_request_leaves():
    async with tapped() as seen:
        seen.request()
        await rest()

    assert seen.page.sent[-1] == (ARM, {"requestId": "1"})


async def test_bytes_wait_until_the_reply_to_arming_has_brought_the_earlier_ones():
    async with tapped() as seen:
        seen.page.replies[ARM] = {"bufferedData": encoded(b"early ")}
        arming = seen.page.hold(ARM)
        seen.request()
        seen.data(b"early ", with_bytes=False)
        seen.data(b"then ")
        seen.data(b"more")
        await rest()
        before = seen.body
        arming.set()
        await rest()
        seen.data(b"!")
        seen.finished()
        await rest()

    assert before == b""
    assert seen.body == b"early then more!"
    assert seen.ends == [BodyEnded("1", None)]
    assert WHOLE not in seen.page.methods()


async def test_a_response_that_ends_before_arming_is_answered_is_told_whole_and_once():
    async with tapped() as seen:
        seen.page.replies[ARM] = {"bufferedData": encoded(b"short")}
        arming = seen.page.hold(ARM)
        seen.request()
        seen.data(b"short", with_bytes=False)
        seen.finished()
        await rest()
        early = list(seen.ends)
        arming.set()
        await rest()

    assert early == []
    assert seen.body == b"short"
    assert seen.ends == [BodyEnded("1", None)]


@pytest.mark.parametrize(
    "reply", [{"body": "wörld"}, {"body": encoded("wörld".encode()), "base64Encoded": True}]
)
async def test_when_arming_is_refused_the_whole_body_is_told_at_the_end(reply):
    async with tapped() as seen:
        seen.page.replies = {ARM: PageLostError("already finished"), WHOLE: reply}
        seen.request()
        seen.data("wörld".encode(), with_bytes=False)
        seen.finished()
        await rest()

    assert seen.told[1:] == [BodyBytes("1", "wörld".encode()), BodyEnded("1", None)]


async def test_only_what_did_not_stream_is_filled_in():
    async with tapped() as seen:
        seen.page.replies[WHOLE] = {"body": "abcdef"}
        seen.request()
        await rest()
        seen.data(b"abc")
        seen.data(b"def", with_bytes=False)
        seen.finished()
        await rest()

    assert seen.told[1:] == [BodyBytes("1", b"abc"), BodyBytes("1", b"def"), BodyEnded("1", None)]


@pytest.mark.parametrize("reply", [PageLostError("not kept"), {"body": "abc"}, {}])
async def test_a_body_that_can_not_be_fetched_or_brings_nothing_new_just_ends(reply):
    async with tapped() as seen:
        seen.page.replies[WHOLE] = reply
        seen.request()
        await rest()
        seen.data(b"abc")
        seen.data(b"def", with_bytes=False)
        seen.finished()
        await rest()

    assert seen.told[1:] == [BodyBytes("1", b"abc"), BodyEnded("1", None)]


async def test_bytes_that_come_while_the_whole_body_is_fetched_are_told_once():
    async with tapped() as seen:
        seen.page.replies[WHOLE] = {"body": "abcdef"}
        fetching = seen.page.hold(WHOLE)
        seen.request()
        await rest()
        seen.data(b"abc", with_bytes=False)
        seen.finished()
        await rest()
        fetching.set()
        await rest()

    assert seen.body == b"abcdef"


@pytest.mark.parametrize(
    ("event", "failure"),
    [
        ({"errorText": "net::ERR_ABORTED", "canceled": True}, "cancelled"),
        ({"errorText": "net::ERR_CONNECTION_RESET"}, "net::ERR_CONNECTION_RESET"),
        ({"errorText": "net::ERR_CONNECTION_RESET", "canceled": False}, "net::ERR_CONNECTION_RESET"),
        ({}, "failed"),
    ],
)
async def test_a_response_that_fails_is_told_with_its_reason_after_its_bytes(event, failure):
    async with tapped() as seen:
        seen.request()
        await rest()
        seen.data(b"abc")
        seen.page.tell("Network.loadingFailed", requestId="1", **event)
        await rest()

    assert seen.told[1:] == [BodyBytes("1", b"abc"), BodyEnded("1", failure)]


async def test_a_response_that_its_page_drops_at_once_is_read_to_its_end_first():
    async with tapped() as seen:
        seen.page.replies[ARM] = {"bufferedData": encoded(b"whole answer")}
        arming = seen.page.hold(ARM)
        seen.request()
        seen.data(b"whole answer", with_bytes=False)
        seen.page.tell("Network.loadingFailed", requestId="1", canceled=True)
        await rest()
        arming.set()
        await rest()

    assert seen.told[1:] == [BodyBytes("1", b"whole answer"), BodyEnded("1", "cancelled")]


async def test_the_end_of_a_response_is_told_once():
    async with tapped() as seen:
        seen.request()
        await rest()
        seen.finished()
        seen.page.tell("Network.loadingFailed", requestId="1")
        await rest()
        seen.finished()
        await rest()

    assert len(seen.ends) == 1


async def test_a_retry_after_header_is_told_whatever_its_case():
    async with tapped() as seen:
        seen.request()
        response = {"url": URL, "status": 429, "headers": {"Retry-After": "7"}}
        seen.page.tell("Network.responseReceived", requestId="1", response=response)

    assert seen.told[-1] == ResponseBegan("1", URL, 429, "", "7")


# -- which requests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "method", "matches"),
    [
        (URL, "POST", True),
        ("https://x/api/chat", "POST", True),
        (URL, "GET", False),
        ("https://x/API/chat", "POST", False),
        ("https://x/other", "POST", False),
    ],
)
async def test_every_request_is_told_and_whether_it_may_be_the_answers(url, method, matches):
    async with tapped() as seen:
        seen.request(url=url, method=method)
        await rest()
        seen.data(b"abc")
        seen.finished()
        await rest()

    assert seen.told[0] == RequestSent("1", url, method, None, matches)
    assert (ARM in seen.page.methods()) is matches
    assert seen.body == (b"abc" if matches else b"")


async def test_any_of_several_patterns_will_do():
    async with tapped(urls=("*/a", "*/b"), methods=("GET", "POST")) as seen:
        for number, url in enumerate(["https://x/a", "https://x/b", "https://x/c"]):
            seen.request(str(number), url, "GET")

    assert [event.matches for event in seen.told] == [True, True, False]


@pytest.mark.parametrize("kind", ["Fetch", "XHR", "EventSource", "Other", None])
async def test_requests_of_scripts_are_told(kind):
    async with tapped() as seen:
        seen.request(kind=kind)

    assert len(seen.told) == 1


@pytest.mark.parametrize("kind", ["Document", "Image", "Stylesheet", "Script", "Font", "Preflight"])
async def test_what_a_page_loads_for_itself_is_not_told(kind):
    async with tapped() as seen:
        seen.request(kind=kind)
        seen.data(b"abc")

    assert seen.told == []


async def test_a_request_that_is_redirected_is_armed_once():
    async with tapped() as seen:
        seen.request()
        seen.request()
        await rest()

    assert len(seen.told) == 2
    assert seen.page.methods().count(ARM) == 1


async def test_news_of_requests_that_are_not_watched_is_dropped():
    async with tapped() as seen:
        seen.page.tell("Network.responseReceived", requestId="?", response={"status": 200})
        seen.data(b"abc", "?")
        seen.page.tell("Network.eventSourceMessageReceived", requestId="?", eventName="", data="x")
        seen.page.tell("Network.loadingFailed", requestId="?")
        seen.finished("?")
        await rest()

    assert seen.told == []


# -- listening -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def beside_a_worker(*, listening=True):
    async with tapped(listening=listening) as seen:
        seen.page = FakeChannel("worker")
        await seen.tap.attach(seen.page)
        yield seen


async def test_what_a_worker_gets_for_a_request_that_was_not_seen_is_told_once_as_missed():
    async with beside_a_worker() as seen:
        seen.data(b"a", "7", with_bytes=False)
        seen.data(b"b", "7", with_bytes=False)

    assert seen.told == [StreamMissed("7")]


async def test_what_a_worker_gets_for_a_request_of_an_earlier_turn_is_not_missed():
    async with beside_a_worker(listening=False) as seen:
        seen.request("7")
        seen.tap.listen(seen.told.append)
        seen.data(b"a", "7")

    assert seen.told == []


async def test_nobody_is_told_while_nobody_listens():
    async with tapped(listening=False) as seen:
        seen.request()
        await rest()
        seen.tap.listen(seen.told.append)
        seen.data(b"abc")
        seen.finished()
        await rest()

    assert seen.told == []


async def test_who_listens_next_is_told_nothing_of_a_response_that_is_under_way():
    async with tapped() as seen:
        first = seen.told
        seen.request()
        await rest()
        seen.data(b"old")
        seen.told = []
        seen.tap.listen(seen.told.append)
        seen.data(b"er")
        seen.finished()
        await rest()

    assert [type(event) for event in first] == [RequestSent, BodyBytes]
    assert seen.told == []


@pytest.mark.parametrize("method", [ARM, WHOLE])
async def test_who_listens_next_is_told_nothing_of_a_reply_that_comes_late(method):
    async with tapped() as seen:
        seen.page.replies = {ARM: {"bufferedData": encoded(b"old")}, WHOLE: {"body": "old and more"}}
        gate = seen.page.hold(method)
        seen.request()
        await rest()
        seen.data(b"old and more", with_bytes=False)
        seen.finished()
        await rest()
        seen.told = []
        seen.tap.listen(seen.told.append)
        gate.set()
        await rest()

    assert seen.told == []


async def test_what_comes_after_the_last_listener_went_is_dropped():
    async with tapped(sockets=True) as seen:
        seen.page.tell("Network.webSocketCreated", requestId="s", url=URL)
        seen.tap.listen(None)
        seen.page.tell("Network.webSocketClosed", requestId="s")

    assert seen.told == []


# -- EventSource ---------------------------------------------------------------------------------------------------------


async def test_messages_of_an_event_source_are_written_out_again():
    async with tapped(methods=("GET",)) as seen:
        seen.request(method="GET", kind="EventSource")
        await rest()
        tell = seen.page.tell
        tell("Network.eventSourceMessageReceived", requestId="1", eventName="message", data="a\nb")
        tell("Network.eventSourceMessageReceived", requestId="1", eventName="", data="ü")
        seen.data(b"ignored", with_bytes=False)
        seen.finished()
        await rest()

    assert seen.body == "event: message\ndata: a\ndata: b\n\ndata: ü\n\n".encode()
    assert seen.ends == [BodyEnded("1", None)]
    assert seen.page.methods() == ["Network.enable"]


# -- WebSockets ----------------------------------------------------------------------------------------------------------


def frame(seen, way, data, opcode=1, socket="s"):
    response = {"opcode": opcode, "payloadData": data}
    seen.page.tell(f"Network.webSocketFrame{way}", requestId=socket, response=response)


async def test_messages_of_a_socket_are_told_both_ways():
    async with tapped(sockets=True) as seen:
        seen.page.tell("Network.webSocketCreated", requestId="s", url=URL)
        frame(seen, "Sent", "ask")
        frame(seen, "Received", "wörd")
        frame(seen, "Received", encoded(b"\x00\xff"), opcode=2)
        seen.page.tell("Network.webSocketClosed", requestId="s")
        frame(seen, "Received", "late")
        seen.page.tell("Network.webSocketClosed", requestId="s")

    assert seen.told == [
        SocketMessage("s", "ask", outgoing=True),
        SocketMessage("s", "wörd", outgoing=False),
        SocketMessage("s", b"\x00\xff", outgoing=False),
        SocketClosed("s"),
    ]


@pytest.mark.parametrize(("sockets", "url"), [(True, "wss://x/other"), (False, URL)])
async def test_sockets_that_the_profile_does_not_name_are_not_told(sockets, url):
    async with tapped(sockets=sockets) as seen:
        seen.page.tell("Network.webSocketCreated", requestId="s", url=url)
        frame(seen, "Received", "x")
        seen.page.tell("Network.webSocketClosed", requestId="s")

    assert seen.told == []


async def test_a_socket_that_was_opened_before_anybody_listened_is_told():
    async with tapped(sockets=True, listening=False) as seen:
        seen.page.tell("Network.webSocketCreated", requestId="s", url=URL)
        seen.tap.listen(seen.told.append)
        frame(seen, "Received", "x")

    assert seen.told == [SocketMessage("s", "x", outgoing=False)]


async def test_requests_beside_a_socket_are_told_but_their_responses_are_not_read():
    async with tapped(sockets=True) as seen:
        seen.request(post="{}")
        await rest()

    assert seen.told == [RequestSent("1", URL, "POST", "{}", matches=False)]
    assert ARM not in seen.page.methods()


async def test_streams_are_waited_for_until_the_last_one_ends():
    async with tapped() as seen:
        seen.request("1")
        seen.request("2")
        seen.finished("1")
        waited_in_vain = await seen.tap.until_streams_end(0.01)
        outcomes: list[bool] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_note_end, seen.tap, outcomes)
            await rest()
            seen.finished("2")

    assert (waited_in_vain, outcomes) == (False, [True])


async def _note_end(tap, outcomes):
    outcomes.append(await tap.until_streams_end(5))


async def test_streams_of_an_earlier_turn_are_not_waited_for():
    async with tapped() as seen:
        seen.request("1")
        seen.tap.listen(seen.told.append)

        assert await seen.tap.until_streams_end(0)


async def test_a_socket_is_ready_once_the_page_sends_its_message():
    async with tapped(sockets=True) as seen:
        seen.page.tell("Network.webSocketCreated", requestId="old", url=URL)
        seen.page.tell(
            "Network.webSocketFrameSent", requestId="old", response={"opcode": 1, "payloadData": "5"}
        )
        made, was_ready = seen.tap.sockets_made, seen.tap.sockets_ready
        seen.page.tell("Network.webSocketCreated", requestId="new", url=URL)
        ready_too_early = await seen.tap.until_socket_ready(made, 0.01)
        outcomes: list[bool] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_note_ready, seen.tap, made, outcomes)
            await rest()
            seen.page.tell(
                "Network.webSocketFrameSent", requestId="new", response={"opcode": 1, "payloadData": "5"}
            )

    assert (made, was_ready, ready_too_early, outcomes) == (1, 1, False, [True])


async def _note_ready(tap, after, outcomes):
    outcomes.append(await tap.until_socket_ready(after, 5))


# -- what is not read ----------------------------------------------------------------------------------------------------


async def test_traffic_is_noted_of_every_request_also_of_those_that_are_not_read():
    async with tapped() as seen:
        seen.request(url="https://x/other")
        flows = [seen.tap.traffic.flow(None)]
        response = {"url": URL, "status": 200, "mimeType": "text/event-stream", "headers": {}}
        seen.page.tell("Network.responseReceived", requestId="1", response=response)
        seen.data(b"a", with_bytes=False)
        flows.append(seen.tap.traffic.flow(None))
        seen.finished()
        flows.append(seen.tap.traffic.flow(None))

    assert flows == [Flow.WAITING, Flow.OPEN, Flow.STREAM_ENDED]


@pytest.mark.parametrize(
    ("failure", "flow"),
    [({"canceled": True}, Flow.STREAM_ENDED), ({"errorText": "net::ERR_CONNECTION_RESET"}, Flow.CUT)],
)
async def test_a_stream_that_the_page_gives_up_is_over_and_one_that_breaks_is_cut(failure, flow):
    async with tapped() as seen:
        seen.request(url="https://x/other", kind="EventSource")
        seen.data(b"a", with_bytes=False)
        seen.page.tell("Network.loadingFailed", requestId="1", **failure)

    assert seen.tap.traffic.flow(None) is flow


async def test_a_sockets_messages_are_traffic_also_where_no_socket_is_read():
    async with tapped() as seen:
        seen.request(url="https://x/other")
        seen.data(b"{}", with_bytes=False)
        seen.finished()
        before = seen.tap.traffic.flow(1e9)
        seen.page.tell(
            "Network.webSocketFrameReceived", requestId="9", response={"opcode": 1, "payloadData": "x"}
        )

    assert (before, seen.tap.traffic.flow(1e9)) == (Flow.BODY_ENDED, Flow.UNKNOWN)


@pytest.mark.parametrize(
    "over",
    [
        "Network.webSocketHandshakeResponseReceived",
        "Network.webSocketFrameError",
        "Network.webSocketClosed",
    ],
)
async def test_sockets_that_still_connect_are_waited_for(over):
    is_connected = anyio.Event()
    async with tapped() as seen:

        async def wait():
            await seen.tap.readiness.until_ready()
            is_connected.set()

        async with anyio.create_task_group() as tasks:
            seen.page.tell("Network.webSocketCreated", requestId="7", url="wss://elsewhere.example/line")
            tasks.start_soon(wait)
            await rest()
            was_early = is_connected.is_set()
            seen.page.tell(over, requestId="7")

    assert not was_early
    assert is_connected.is_set()


async def test_what_a_loading_page_asks_for_is_waited_for():
    is_loaded = anyio.Event()
    async with tapped() as seen:

        async def wait():
            await seen.tap.readiness.until_ready()
            is_loaded.set()

        async with anyio.create_task_group() as tasks:
            seen.request("d", "https://x/", "GET", "Document")
            seen.request("s", "https://x/app.js", "GET", "Script")
            seen.finished("d")
            tasks.start_soon(wait)
            with anyio.move_on_after(1):
                await is_loaded.wait()
            was_early = is_loaded.is_set()
            seen.finished("s")

    assert not was_early
    assert is_loaded.is_set()
