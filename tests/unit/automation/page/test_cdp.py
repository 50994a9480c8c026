"""Channels to a page and its children: calls, answers, events, and what becomes of them when a target goes."""

import asyncio
import gc
import json
from contextlib import asynccontextmanager

import anyio
import pytest
from playwright.async_api import Error as PlaywrightError

from automation.errors import PageLostError
from automation.page.cdp import ChildChannel, PageChannel, Params, TargetTree
from tests.unit.automation.capture.fake_channel import FakeChannel

SEND = "Target.sendMessageToTarget"
RESUME = "Runtime.runIfWaitingForDebugger"


class Session:
    """What Playwright's session does: answers, raises or stays silent."""

    def __init__(self, reply):
        self.sent = []
        self.listeners = {}
        self._reply = reply

    def on(self, event, listener):
        self.listeners[event] = listener

    async def send(self, method, params):
        self.sent.append((method, params))
        if self._reply is None:
            await anyio.sleep_forever()
        if isinstance(self._reply, Exception):
            raise self._reply
        return self._reply


def page_channel(session):
    return PageChannel(session, "page")


async def rest():
    """Return when every task waits for something."""
    await anyio.wait_all_tasks_blocked()


# -- the page's own channel ------------------------------------------------------------------------------------------------


async def test_a_call_to_the_page_returns_its_result_and_events_reach_their_listener():
    session = Session({"value": 1})
    heard: list[Params] = []
    channel = page_channel(session)
    channel.on("Network.dataReceived", heard.append)

    reply = await channel.send("Page.getFrameTree")
    session.listeners["Network.dataReceived"]({"a": 1})

    assert reply == {"value": 1}
    assert session.sent == [("Page.getFrameTree", {})]
    assert heard == [{"a": 1}]
    assert channel.target_id == "page"


async def test_a_page_that_refuses_or_is_gone_is_a_lost_page():
    with pytest.raises(PageLostError, match=r"lost while calling Page\.enable: Target closed"):
        await page_channel(Session(PlaywrightError("Target closed"))).send("Page.enable")


async def test_a_hung_page_is_noticed_by_the_call_it_does_not_answer():
    with pytest.raises(PageLostError, match=r"did not answer Page\.enable within 0\.01 s"):
        await page_channel(Session(None)).send("Page.enable", timeout_s=0.01)


async def test_a_page_that_goes_away_ends_the_calls_that_wait_and_takes_no_others():
    session, errors = Session(None), []
    channel = page_channel(session)

    async def call():
        with pytest.raises(PageLostError) as caught:
            await channel.send("Page.enable", timeout_s=60.0)
        errors.append(str(caught.value))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await rest()
        channel.close("The page's renderer crashed.")
    await call()

    assert errors == ["The page's renderer crashed."] * 2
    assert len(session.sent) == 1


# -- a child's channel -------------------------------------------------------------------------------------------------------


def messages_to(parent):
    """What was sent to children through this channel."""
    return [json.loads(params["message"]) for method, params in parent.sent if method == SEND]


@asynccontextmanager
async def calling(child, *methods, timeout_s=5.0):
    """Calls under way; each one's result or error is in the list in the end."""
    outcomes = {}

    async def call(method):
        try:
            outcomes[method] = await child.send(method, {"m": method}, timeout_s)
        except PageLostError as exc:
            outcomes[method] = str(exc)

    async with anyio.create_task_group() as tasks:
        for method in methods:
            tasks.start_soon(call, method)
        await rest()
        yield outcomes


async def test_a_call_to_a_child_goes_through_its_parent_and_returns_its_own_answer():
    parent = FakeChannel()
    child = ChildChannel(parent, "s1", "frame")

    async with calling(child, "A.a", "B.b") as outcomes:
        numbers = {message["method"]: message["id"] for message in messages_to(parent)}
        child.receive(json.dumps({"id": numbers["B.b"], "result": {"b": 1}}))
        child.receive(json.dumps({"id": numbers["A.a"]}))

    assert outcomes == {"A.a": {}, "B.b": {"b": 1}}
    assert parent.sent[0][1]["sessionId"] == "s1"
    assert messages_to(parent)[0]["params"] == {"m": "A.a"}


async def test_a_call_without_parameters_sends_an_empty_object():
    parent = FakeChannel()
    child = ChildChannel(parent, "s1", "frame")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(child.send, "A.a")
        await rest()
        child.receive('{"id": 1, "result": {}}')

    assert messages_to(parent) == [{"id": 1, "method": "A.a", "params": {}}]


async def test_a_call_that_a_child_refuses_is_an_error():
    child = ChildChannel(FakeChannel(), "s1", "frame")

    async with calling(child, "A.a") as outcomes:
        child.receive('{"id": 1, "error": {"message": "no such method"}}')

    assert outcomes == {"A.a": "The page refused a call: no such method"}


async def test_a_child_that_does_not_answer_is_lost():
    child = ChildChannel(FakeChannel(), "s1", "frame")

    with pytest.raises(
        PageLostError, match=r"frame or worker of the page did not answer A\.a within 0\.01 s"
    ):
        await child.send("A.a", timeout_s=0.01)


async def test_a_child_whose_parent_is_gone_is_lost_and_waits_for_nothing():
    parent = FakeChannel()
    parent.replies[SEND] = PageLostError("The page was closed.")
    child = ChildChannel(parent, "s1", "frame")

    with pytest.raises(PageLostError, match="The page was closed"):
        await child.send("A.a")

    assert child._waiting == {}


async def test_a_child_that_goes_while_its_parent_is_silent_leaves_no_error_behind():
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    child = ChildChannel(page_channel(Session(None)), "s1", "frame")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(child.send, "A.a")
        await rest()
        child.close()
        tasks.cancel_scope.cancel()
    gc.collect()

    assert complaints == []


async def test_answers_that_nobody_waits_for_are_dropped():
    child = ChildChannel(FakeChannel(), "s1", "frame")

    async with calling(child, "A.a") as outcomes:
        child.receive('{"id": 99, "result": {"b": 1}}')
        child.receive('{"id": 1, "result": {"a": 1}}')
        child.receive('{"id": 1, "result": {"a": 2}}')

    assert outcomes == {"A.a": {"a": 1}}


async def test_every_call_that_waits_ends_when_its_child_goes():
    child = ChildChannel(FakeChannel(), "s1", "frame")

    async with calling(child, "A.a", "B.b", "C.c") as outcomes:
        child.receive('{"id": 3, "result": {}}')
        child.close()

    gone = "A frame or worker of the page is gone."
    assert outcomes == {"A.a": gone, "B.b": gone, "C.c": {}}


async def test_a_cancelled_call_waits_for_nothing():
    child = ChildChannel(FakeChannel(), "s1", "frame")

    with anyio.move_on_after(0.01):
        await child.send("A.a")

    assert child._waiting == {}


def test_events_of_a_child_reach_all_who_listen():
    child = ChildChannel(FakeChannel(), "s1", "frame")
    heard: list[Params] = []
    child.on("Network.x", heard.append)
    child.on("Network.x", heard.append)

    child.receive('{"method": "Network.x", "params": {"a": 1}}')
    child.receive('{"method": "Network.x"}')
    child.receive('{"method": "Network.y", "params": {}}')

    assert heard == [{"a": 1}, {"a": 1}, {}, {}]


# -- the tree ----------------------------------------------------------------------------------------------------------------


class Page(FakeChannel):
    """A page whose children answer every call at once, except those told not to."""

    def __init__(self):
        super().__init__("page")
        self.calls = []
        self.silent = set()

    async def send(self, method, params=None, timeout_s=5.0):
        reply = await super().send(method, params, timeout_s)
        if method == SEND:
            session, message = params["sessionId"], json.loads(params["message"])
            self.calls.append((session, message["method"]))
            if message["method"] not in self.silent:
                answer = json.dumps({"id": message["id"], "result": {}})
                self.tell("Target.receivedMessageFromTarget", sessionId=session, message=answer)
        return reply

    def attach(self, session, kind, target_id="t"):
        info = {"type": kind, "targetId": target_id}
        self.tell("Target.attachedToTarget", sessionId=session, targetInfo=info)


@asynccontextmanager
async def tree_of(page, prepare=None):
    async def enable(channel, kind):
        await channel.send("Network.enable")

    async with anyio.create_task_group() as tasks:
        yield new_tree(page, prepare or enable, lambda work: tasks.start_soon(_run, work))
        tasks.cancel_scope.cancel()


def new_tree(page, prepare, spawn):
    return TargetTree(page, prepare, spawn)


async def _run(work):
    await work


async def test_the_page_is_made_ready_before_its_children_are_waited_for():
    page = Page()
    async with tree_of(page) as tree:
        await tree.start()

    assert page.sent == [
        ("Network.enable", {}),
        ("Target.setAutoAttach", {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": False}),
    ]


@pytest.mark.parametrize(
    ("kind", "calls"),
    [
        ("iframe", ["Network.enable", "Target.setAutoAttach", RESUME]),
        ("worker", ["Network.enable", "Target.setAutoAttach", RESUME]),
        ("shared_worker", ["Network.enable", RESUME]),
        ("service_worker", ["Network.enable", RESUME]),
        ("auction_worklet", [RESUME]),
    ],
)
async def test_a_child_is_made_ready_before_its_first_script_runs(kind, calls):
    page = Page()
    async with tree_of(page) as tree:
        await tree.start()
        page.attach("s1", kind)
        await rest()

    assert page.calls == [("s1", method) for method in calls]


async def test_who_makes_a_channel_ready_is_told_what_it_leads_to():
    prepared = []

    async def note(channel, kind):
        prepared.append((channel.target_id, kind))

    page = Page()
    async with tree_of(page, note) as tree:
        await tree.start()
        page.attach("s1", "iframe", "frame")
        page.attach("s2", "worker", "w")
        page.attach("s3", "auction_worklet", "a")
        await rest()

    assert prepared == [("page", "page"), ("frame", "iframe"), ("w", "worker")]


async def test_a_child_that_can_not_be_made_ready_is_let_run_all_the_same():
    async def refuse(channel, kind):
        if kind != "page":
            raise PageLostError("gone")

    page = Page()
    async with tree_of(page, refuse) as tree:
        await tree.start()
        page.attach("s1", "iframe")
        await rest()

    assert page.calls == [("s1", RESUME)]


async def test_a_child_that_goes_while_it_is_made_ready_ends_quietly():
    page = Page()
    page.silent = {"Network.enable", RESUME}
    async with tree_of(page) as tree:
        await tree.start()
        page.attach("s1", "worker", "w")
        await rest()
        page.tell("Target.detachedFromTarget", sessionId="s1")
        await rest()
        # Letting it run was tried; nobody will answer, and the call's own limit ends it.
        waiting = [name for name in page.calls if name[1] == RESUME]

    assert waiting == [("s1", RESUME)]


async def test_a_child_that_is_gone_before_it_is_let_run_ends_quietly():
    page = Page()
    page.replies[SEND] = PageLostError("The page was closed.")
    async with tree_of(page) as tree:
        await tree.start()
        page.attach("s1", "iframe")
        await rest()

    assert page.methods().count(SEND) == 2


async def test_children_of_children_are_reached_through_them():
    page = Page()
    async with tree_of(page) as tree:
        await tree.start()
        page.attach("s1", "iframe", "frame")
        await rest()
        info = {"type": "worker", "targetId": "w"}
        event = {"method": "Target.attachedToTarget", "params": {"sessionId": "s2", "targetInfo": info}}
        page.tell("Target.receivedMessageFromTarget", sessionId="s1", message=json.dumps(event))
        await rest()
        through_frame = [m["params"] for m in messages_to(page) if m["method"] == SEND]

    assert [params["sessionId"] for params in through_frame] == ["s2"]
    assert json.loads(through_frame[0]["message"])["method"] == "Network.enable"


async def test_a_frame_has_its_own_channel_while_it_lives_in_another_process():
    page = Page()
    async with tree_of(page) as tree:
        await tree.start()
        page.attach("s1", "iframe", "frame-1")
        page.attach("s2", "iframe", "frame-2")
        await rest()
        own, same = await tree.channel_of_frame("frame-2"), await tree.channel_of_frame("main")
        page.tell("Target.detachedFromTarget", sessionId="s2")
        after = await tree.channel_of_frame("frame-2")

    assert (own.target_id, same, after) == ("frame-2", page, page)


async def test_a_frames_channel_is_handed_out_only_once_it_is_ready_for_calls():
    page = Page()
    handed_out = []

    async def ask(tree):
        handed_out.append(await tree.channel_of_frame("frame"))

    async with tree_of(page) as tree, anyio.create_task_group() as tasks:
        await tree.start()
        page.silent = {"Network.enable"}
        page.attach("s1", "iframe", "frame")
        await rest()
        tasks.start_soon(ask, tree)
        await rest()
        before = [*handed_out]
        page.tell("Target.detachedFromTarget", sessionId="s1")

    assert before == []
    assert [channel.target_id for channel in handed_out] == ["frame"]


async def test_news_of_targets_that_are_not_known_is_dropped():
    page = Page()
    async with tree_of(page) as tree:
        await tree.start()
        page.tell("Target.receivedMessageFromTarget", sessionId="?", message="{}")
        page.tell("Target.detachedFromTarget", sessionId="?")

        assert await tree.channel_of_frame("?") is page
