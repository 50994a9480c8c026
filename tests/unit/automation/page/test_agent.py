"""The agent is put into the chat's document when it is first asked, and again into each new one; a dead page is no new one."""

import json

import pytest

from automation.errors import PageLostError, SiteChangedError
from automation.page.agent import PageAgent, agent_profile
from automation.profiles.validation import parse_profile
from tests.unit.automation.capture.fake_channel import FakeChannel

PAGE = {"input": "textarea", "assistant_turn": ".bot"}
GONE = PageLostError(
    "The page was lost while calling Runtime.evaluate: Cannot find context with specified id"
)


class Frame(FakeChannel):
    """A document's target: it holds the agent once that was put there, and answers calls with ``answers``, in turn."""

    def __init__(self, target_id="", world=7):
        super().__init__(target_id)
        self.world = world
        self.has_agent = False
        self.answers = []
        self.asked = []
        self.bindings = []
        self.chat_frame = None
        self.checks = []

    async def send(self, method, params=None, timeout_s=5.0):
        await super().send(method, params, timeout_s)
        match method:
            case "Page.getFrameTree":
                return {"frameTree": {"frame": {"id": "top"}}}
            case "Page.createIsolatedWorld":
                return {"executionContextId": self.world}
            case "Runtime.addBinding":
                self.bindings.append(params["name"])
            case "DOM.describeNode":
                return {"node": {"frameId": self.chat_frame}}
            case "Runtime.evaluate":
                return self.evaluate(params["expression"], timeout_s)
        return {}

    def evaluate(self, expression, timeout_s):
        if expression == "Boolean(globalThis.agent)":
            return {"result": {"value": self.has_agent}}
        if "globalThis.agent =" in expression:
            self.has_agent = True
            return {"result": {"value": True}}
        if "parleyFrame = frame" in expression:
            return {"result": {"objectId": "1"} if self.chat_frame else {}}
        if "checkVisibility" in expression:
            return self._next(self.checks)
        if "getBoundingClientRect" in expression:
            return {"result": {"value": [30, 40]}}
        self.asked.append((expression, timeout_s))
        return self._next(self.answers)

    @staticmethod
    def _next(answers):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, dict) else {"result": {"value": answer}}


class Targets:
    """The page's target, and that of a frame which lives in another process."""

    def __init__(self, root, child=None):
        self.root = root
        self._child = child

    async def channel_of_frame(self, frame_id):
        return self._child if self._child and self._child.target_id == frame_id else self.root


def tap_on(root, child=None, **profile):
    return tap_with(Targets(root, child), parse_profile({**PAGE, **profile}))


def tap_with(targets, profile):
    return PageAgent(targets, profile)


def installs(frame):
    return len(frame.bindings)


async def test_the_agent_is_put_into_the_document_once_and_asked_by_name():
    page = Frame()
    page.answers = [{"result": {"value": {"x": 1}}}, True]
    tap = tap_on(page)

    point = await tap.call("point", "send")
    ready = await tap.call("until", {"stop": False}, 500, timeout_s=9.0)

    assert (point, ready, installs(page)) == ({"x": 1}, True, 1)
    assert page.asked == [
        ('globalThis.agent.point("send")', 10.0),
        ('globalThis.agent.until({"stop": false},500)', 9.0),
    ]
    assert "Runtime.enable" not in page.methods()


async def test_a_document_that_was_replaced_gets_the_agent_anew_and_is_asked_again():
    page = Frame()
    page.answers = [1, GONE, 2]
    tap = tap_on(page)
    await tap.call("look")
    page.has_agent = False

    assert await tap.call("look") == 2
    assert installs(page) == 2


async def test_after_a_navigation_nothing_is_asked_in_the_old_world():
    page = Frame()
    page.answers = [1, 2]
    tap = tap_on(page)
    await tap.call("look")
    page.has_agent = False

    tap.forget()
    await tap.call("look")

    assert installs(page) == 2


async def test_a_page_that_never_stops_loading_is_lost():
    page = Frame()
    page.answers = [GONE] * 6

    with pytest.raises(PageLostError, match="kept loading other documents while it was asked for look"):
        await tap_on(page).call("look")
    assert page.answers == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (PageLostError("The page did not answer Runtime.evaluate within 5 s."), "did not answer"),
        (
            {
                "exceptionDetails": {"exception": {"description": "TypeError: x is null\n  at y"}},
                "result": {},
            },
            "Our script failed in the page: TypeError: x is null",
        ),
    ],
)
async def test_a_page_that_hangs_or_breaks_our_script_is_not_asked_again(answer, words):
    page = Frame()
    page.answers = [answer, True]

    with pytest.raises(PageLostError, match=words):
        await tap_on(page).call("look")
    assert page.answers == [True]


# -- hearing -------------------------------------------------------------------------------------------------------------


async def test_what_the_agent_pushes_is_heard_and_what_others_call_is_not():
    page = Frame()
    told: list[object] = []
    page.answers = [True]
    tap = tap_on(page)
    await tap.attach(page, "page")
    await tap.call("beginTurn", "read")
    tap.listen(told.append)
    before = tap.heard_s

    page.tell("Runtime.bindingCalled", name=page.bindings[0], payload=json.dumps({"chars": 3}))
    page.tell("Runtime.bindingCalled", name="sites_own", payload="not ours")
    tap.listen(None)
    page.tell("Runtime.bindingCalled", name=page.bindings[0], payload=json.dumps({"chars": 4}))

    assert told == [{"chars": 3}]
    assert tap.heard_s >= before


async def test_a_worker_has_no_agent():
    worker = Frame()

    await tap_on(Frame()).attach(worker, "worker")

    assert worker.methods() == []


async def test_every_page_has_a_name_of_its_own_for_what_is_put_there():
    pages = [Frame(), Frame()]
    for page in pages:
        page.answers = [True]
        await tap_on(page).call("look")

    assert pages[0].bindings != pages[1].bindings


# -- frames --------------------------------------------------------------------------------------------------------------


async def test_a_chat_in_a_frame_of_another_process_is_asked_there():
    page, frame = Frame(), Frame("chat", world=8)
    page.chat_frame = "chat"
    frame.answers = [True]
    tap = tap_on(page, frame, frame="#chat")

    await tap.call("look")

    assert (frame.has_agent, page.has_agent) == (True, False)
    assert await tap.frame_offset() == (30.0, 40.0)


async def test_a_frame_that_is_not_there_is_a_changed_page():
    with pytest.raises(SiteChangedError) as caught:
        await tap_on(Frame(), frame="#chat").call("look")

    assert caught.value.profile_key == "frame"


async def test_a_page_without_a_frame_begins_at_its_corner():
    page = Frame()

    assert await tap_on(page).frame_offset() == (0.0, 0.0)
    assert page.sent == []


@pytest.mark.parametrize(("checks", "shows"), [([True], True), ([False], False), ([GONE, False], False)])
async def test_a_check_around_the_frame_is_looked_for_also_in_the_document_that_replaces_it(checks, shows):
    page = Frame()
    page.checks = checks

    assert await tap_on(page, frame="#chat").shows_check_around() is shows


async def test_a_page_that_is_the_chat_itself_has_nothing_around_it():
    page = Frame()

    assert not await tap_on(page).shows_check_around()
    assert page.sent == []


# -- life ----------------------------------------------------------------------------------------------------------------


async def test_a_page_answers_when_its_main_thread_and_that_of_its_frame_do():
    page, frame = Frame(), Frame("chat")
    page.chat_frame = "chat"
    frame.answers = [True]
    tap = tap_on(page, frame, frame="#chat")
    await tap.call("look")
    both = await tap.answers(1.0)
    frame.replies["Page.getFrameTree"] = PageLostError("It did not answer.")

    assert (both, await tap.answers(1.0)) == (True, False)


def test_roles_of_nested_sections_are_told_to_the_agent_under_their_own_names():
    profile = parse_profile(
        {
            **PAGE,
            "new_chat": {"click": ".new", "confirm": {"css": ".yes", "text": "Yes"}},
            "conversation": {"delete": [".menu", ".really"]},
            "attachments": {"input": "#file", "uploaded": ".preview"},
        }
    )

    told = agent_profile(profile)

    assert told["new_chat"] == [{"css": ".new", "text": []}]
    assert told["new_chat_confirm"] == [{"css": ".yes", "text": ["Yes"]}]
    assert (told["delete_chat_0"], told["delete_chat_1"][0]["css"]) == (
        [{"css": ".menu", "text": []}],
        ".really",
    )
    assert told["attachments.uploaded"] == [{"css": ".preview", "text": []}]
