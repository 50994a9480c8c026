"""Client of the page agent: calls its scripts in an isolated world of the chat's frame, and receives their events.

The isolated world shares the page's elements and none of its JavaScript; ``Runtime.enable`` is never sent, because
pages can tell. The world of a frame is made when it is first needed and again after each navigation.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from automation.errors import PageLostError, SiteChangedError
from automation.page.cdp import CALL_S, Channel, Params, TargetTree
from automation.page.challenges import CAPTCHA_CSS
from automation.page.roles import SIGN_IN_ROLES
from automation.profiles.model import SelectorProfile
from automation.profiles.selector import Selectors

logger = logging.getLogger(__name__)

# A sign-in may lead through several documents while we wait for its outcome.
_NAVIGATIONS = 6
_FRAME_SCRIPT = """(selectors, ms) => new Promise((resolve) => {
  const deadline = performance.now() + ms;
  const look = () => {
    const frame = selectors.map((css) => document.querySelector(css)).find(Boolean) || null;
    globalThis.parleyFrame = frame;
    if (frame || performance.now() > deadline) resolve(frame);
    else setTimeout(look, 50);
  };
  look();
})"""
# Whether the widget of a check that the page shows around the chat's frame stays for so long.
_CHECK_SCRIPT = """(selectors, ms) => new Promise((resolve) => {
  const shows = ({ css, text }) => [...document.querySelectorAll(css)].some((el) => {
    const box = el.getBoundingClientRect();
    const label = (el.getAttribute("aria-label") || el.innerText || "").trim().toLowerCase();
    return el.checkVisibility({ visibilityProperty: true }) && box.width > 1 && box.height > 1
      && (!text.length || text.some((words) => label.startsWith(words.toLowerCase())));
  });
  const deadline = performance.now() + ms;
  const look = () => {
    if (!selectors.some(shows)) resolve(false);
    else if (performance.now() >= deadline) resolve(true);
    else setTimeout(look, 250);
  };
  look();
})"""
_GONE = (
    "Cannot find context",
    "navigated or closed",
    "Execution context was destroyed",
    "context with specified id",
    "No frame for given id",
)

Push = Callable[[dict[str, Any]], None]


class DocumentGone(PageLostError):
    """The document that a call was made in is no longer there; the page may be."""


@cache
def _script(name: str) -> str:
    return files("automation.page").joinpath("scripts", name).read_text("utf-8")


# The factories that the agent is put together from, and the scripts that evaluate to them.
_PARTS = {
    "parleyFinding": "finding.js",
    "parleyTurnDecision": "turn_decision.js",
    "parleyTurns": "turns.js",
    "parleyReading": "reading.js",
    "parleyPromptField": "prompt_field.js",
    "parleyComposerWatch": "composer_watch.js",
    "parleyFileDrop": "file_drop.js",
    "parleyAnnouncements": "announcements.js",
    "parleyRoleBoxes": "role_boxes.js",
    "parleyPace": "pace.js",
}
_ROLES = (
    "input",
    "send",
    "stop",
    "user_turn",
    "assistant_turn",
    "answer",
    "answer_beside",
    "thinking",
    "thinking_toggle",
    "sources",
    "finished",
    "error",
    "dismiss",
)
_ATTACHMENT_ROLES = ("input", "opener", "drop_target", "uploaded", "uploading", "failed", "remove")


def _plain(selectors: Selectors) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in selectors]


def agent_profile(profile: SelectorProfile) -> dict[str, Any]:
    """Return the profile as the page agent takes it: roles as lists of selectors, nested ones too."""
    data: dict[str, Any] = {role: _plain(getattr(profile, role)) for role in _ROLES}
    data["continue"] = _plain(profile.continue_.click) if profile.continue_ else []
    for number, one in enumerate(profile.open):
        data[f"open_{number}"] = _plain((one,))
    data["new_chat"] = _plain(profile.new_chat.click)
    data["new_chat_confirm"] = _plain(profile.new_chat.confirm)
    data["new_chat_ready"] = _plain(profile.new_chat.ready)
    data["temporary_chat"] = _plain(profile.conversation.temporary)
    for number, step in enumerate(profile.conversation.delete):
        data[f"delete_chat_{number}"] = _plain(step)
    data["input_entry"] = profile.input_entry
    data["exclude_css"] = [s.css for s in profile.exclude]
    data["thinking_css"] = [s.css for s in profile.thinking]
    data["cursor"] = profile.cursor
    if profile.sign_in is not None:
        for role in SIGN_IN_ROLES:
            data[role] = _plain(getattr(profile.sign_in, role))
        data["sign_in_error"] = _plain(profile.sign_in.error)
    data["captcha"] = [{"css": CAPTCHA_CSS, "text": []}, *_plain(profile.challenge.captcha)]
    data["qrcode"] = _plain(profile.challenge.qrcode)
    if profile.attachments is not None:
        for role in _ATTACHMENT_ROLES:
            data[f"attachments.{role}"] = _plain(getattr(profile.attachments, role))
    return data


def build_agent_script(profile: str, push: str) -> str:
    """Return the script that makes ``globalThis.agent`` of a profile in JSON; ``push`` is JavaScript: a function."""
    parts = "".join(
        f"globalThis.{name} = {_script(file).rstrip().rstrip(';')};" for name, file in _PARTS.items()
    )
    return (
        f"{_script('dom_to_markdown.js')}\n;globalThis.parleyDomToMarkdown = parleyDomToMarkdown;{parts}"
        f"globalThis.agent = ({_script('page_agent.js').rstrip().rstrip(';')})({profile}, {push}); true"
    )


class PageAgent:
    """Calls the agent of one page. Every call is one round trip and has a time limit.

    Attributes:
        heard_s: When the page last told or answered anything, on the clock of ``time.monotonic``.
    """

    def __init__(
        self,
        targets: TargetTree,
        profile: SelectorProfile,
        frame_s: float = 5.0,
        *,
        is_outside: bool = False,
    ) -> None:
        self._targets = targets
        self._whole_profile = profile
        self._frame_s = frame_s
        self._frame_css = [] if is_outside else [s.css for s in profile.frame]
        agent = agent_profile(profile)
        if is_outside:
            agent["frame"] = _plain(profile.frame)
        self._profile = json.dumps(agent)
        self._check = json.dumps(agent["captcha"])
        # A name of its own per page: a page that looked for a fixed one would find us.
        self._world = f"w{secrets.token_hex(6)}"
        self._binding = f"b{secrets.token_hex(6)}"
        self._place: tuple[Channel, int] | None = None
        self._top: tuple[Channel, int] | None = None
        self._bound: set[int] = set()
        self._sink: Push | None = None
        self.heard_s = time.monotonic()

    def outside(self) -> PageAgent:
        """Return an agent of the document around the chat's frame, for which ``frame`` is a role; it pushes nothing."""
        return PageAgent(self._targets, self._whole_profile, self._frame_s, is_outside=True)

    def listen(self, sink: Push | None) -> None:
        """Send the agent's events to ``sink``, or to nobody."""
        self._sink = sink

    async def attach(self, channel: Channel, kind: str) -> None:
        """Receive the agent's events on this channel, where it can be: in pages and frames."""
        if kind in {"page", "iframe"}:
            channel.on("Runtime.bindingCalled", self._called)
            await channel.send("Page.enable")

    def forget(self) -> None:
        """Discard the isolated worlds after a navigation; the next call makes them anew."""
        self._place = self._top = None

    async def call(self, name: str, *args: object, timeout_s: float = CALL_S) -> Any:
        """Return the result of one of the agent's functions, in the chat's frame.

        Raises:
            PageLostError: The page is gone, hung, or left while it was asked.
            SiteChangedError: The profile names a frame and there is none.
        """
        arguments = ",".join(json.dumps(a) for a in args)
        for _ in range(_NAVIGATIONS):
            try:
                channel, context_id = self._place or await self._settle()
                result = await _evaluate(
                    channel, context_id, f"globalThis.agent.{name}({arguments})", timeout_s
                )
            except DocumentGone:
                # The document was replaced meanwhile, and its worlds with it: ask the new one.
                self.forget()
            else:
                self.heard_s = time.monotonic()
                return result
        msg = f"The page kept loading other documents while it was asked for {name}."
        raise PageLostError(msg)

    async def answers(self, timeout_s: float) -> bool:
        """Return whether the main threads of page and chat frame answer within this time; runs no script."""
        channels = {self._targets.root, self._place[0]} if self._place else {self._targets.root}
        try:
            for channel in channels:
                await channel.send("Page.getFrameTree", timeout_s=timeout_s)
        except PageLostError:
            return False
        self.heard_s = time.monotonic()
        return True

    async def has_turn(self) -> bool:
        """Return whether the agent of the current document is watching a turn: a new document has none."""
        return bool(await self.call("hasTurn"))

    async def frame_offset(self) -> tuple[float, float]:
        """Where the chat's frame begins in the page, in CSS pixels."""
        if not self._frame_css:
            return 0.0, 0.0
        if self._top is None:
            await self._settle()
        assert self._top is not None
        channel, context_id = self._top
        expression = (
            "(() => { const f = globalThis.parleyFrame, b = f.getBoundingClientRect();"
            " return [b.left + f.clientLeft, b.top + f.clientTop]; })()"
        )
        x, y = await _evaluate(channel, context_id, expression, CALL_S)
        return float(x), float(y)

    async def shows_check_around(self, stays_s: float = 0.0) -> bool:
        """Return whether a check for a person stays outside the chat's frame, in its place or over it, for so long.

        Raises:
            PageLostError: The page is gone, or hung.
        """
        root, asked = self._targets.root, f"({_CHECK_SCRIPT})({self._check}, {stays_s * 1000})"
        for _ in range(_NAVIGATIONS if self._frame_css else 0):
            tree = await root.send("Page.getFrameTree")
            try:
                context_id = await self._create_world(root, tree["frameTree"]["frame"]["id"])
                return bool(await _evaluate(root, context_id, asked, stays_s + CALL_S))
            except DocumentGone as exc:
                # A check that was passed loads the page anew.
                logger.debug("page_query_repeated", extra={"reason": str(exc)})
        return False

    async def _settle(self) -> tuple[Channel, int]:
        root = self._targets.root
        tree = await root.send("Page.getFrameTree")
        frame_id = tree["frameTree"]["frame"]["id"]
        top = (root, await self._create_world(root, frame_id))
        channel: Channel = root
        if self._frame_css:
            frame_id = await self._find_frame(*top)
            channel = await self._targets.channel_of_frame(frame_id)
        context_id = await self._create_world(channel, frame_id)
        installed = await _evaluate(channel, context_id, "Boolean(globalThis.agent)", CALL_S)
        if not installed:
            await channel.send(
                "Runtime.addBinding", {"name": self._binding, "executionContextName": self._world}
            )
            source = build_agent_script(self._profile, f"(text) => globalThis[{self._binding!r}](text)")
            await _evaluate(channel, context_id, source, 10.0)
        self._top, self._place = top, (channel, context_id)
        return self._place

    async def _create_world(self, channel: Channel, frame_id: str) -> int:
        reply = await _send(
            channel, "Page.createIsolatedWorld", {"frameId": frame_id, "worldName": self._world}
        )
        return int(reply["executionContextId"])

    async def _find_frame(self, channel: Channel, context_id: int) -> str:
        """Return the chat's frame once the page has one: it may still be loading."""
        expression = f"({_FRAME_SCRIPT})({json.dumps(self._frame_css)}, {self._frame_s * 1000})"
        asked = {"expression": expression, "contextId": context_id, "awaitPromise": True}
        found = await _send(channel, "Runtime.evaluate", asked, self._frame_s + 5)
        object_id = found["result"].get("objectId")
        if object_id is None:
            raise SiteChangedError("frame", "looking for the chat")
        node = await _send(channel, "DOM.describeNode", {"objectId": object_id})
        return str(node["node"]["frameId"])

    def _called(self, event: Params) -> None:
        if event["name"] != self._binding:
            return
        self.heard_s = time.monotonic()
        if self._sink is not None:
            self._sink(json.loads(event["payload"]))


async def _evaluate(channel: Channel, context_id: int, expression: str, timeout_s: float) -> Any:
    reply = await _send(
        channel,
        "Runtime.evaluate",
        {"expression": expression, "contextId": context_id, "returnByValue": True, "awaitPromise": True},
        timeout_s,
    )
    if "exceptionDetails" in reply:
        details = reply["exceptionDetails"]
        text = details.get("exception", {}).get("description") or details.get("text", "")
        msg = f"Our script failed in the page: {text.splitlines()[0] if text else 'unknown'}"
        raise PageLostError(msg)
    return reply["result"].get("value")


async def _send(channel: Channel, method: str, params: Params, timeout_s: float = CALL_S) -> Params:
    try:
        return await channel.send(method, params, timeout_s)
    except PageLostError as exc:
        if any(words in str(exc) for words in _GONE):
            raise DocumentGone(str(exc)) from exc
        raise
