"""A chat page in memory: what it shows by role, and what clicks change. It is the page, its agent and its hands in one."""

from typing import Any

import anyio

from automation.account.config import WebChatConfig
from automation.errors import SiteChangedError
from automation.profiles.validation import parse_profile
from automation.stealth.options import BrowserConfig
from automation.timing import Timeouts


def chat_config(credentials=None, login_url=None, timeouts=Timeouts(), **profile):
    """An endpoint at https://chat.example/ whose profile has the keys that are given."""
    return WebChatConfig(
        base_url="https://chat.example/",
        login_url=login_url,
        profile=parse_profile({"input": "textarea", "assistant_turn": ".bot", **profile}),
        credentials=credentials,
        browser=BrowserConfig(),
        max_pages=1,
        timeouts=timeouts,
        name="demo",
    )


class PageModel:
    """Shows what is true in ``shown``; ``on_click`` holds what the click on a role does to the page.

    Attributes:
        log: What was done to the page and asked of its agent, in order; questions after what it shows apart.
        answers: What the agent's other functions return, by name; a function is called, an exception raised.
    """

    def __init__(self, **shown):
        self.shown = {"input": True, "input_ready": True, "no_turns": True, **shown}
        self.on_click: dict[str, Any] = {}
        self.answers: dict[str, Any] = {
            "lastAsked": {"answered": True, "text": None},
            "restingTurns": lambda *_: {"users": int(not self.shown["no_turns"]), "assistants": []},
        }
        self.log = []
        self.limits = []
        self.check_around = False
        self.sink: Any = None
        self.url = "https://chat.example/"

    def change(self, **shown):
        self.shown.update(shown)

    def meets(self, want):
        # What an empty chat shows may be told in full; then it is wanted.
        return all(bool(self.shown.get(role, False)) == bool(value) for role, value in want.items())

    # -- the agent

    async def call(self, name, *args, timeout_s=5.0):
        self.limits.append((name, timeout_s))
        match name:
            case "until":
                return self.meets(args[0])
            case "first":
                return next((outcome for outcome, want in args[0].items() if self.meets(want)), None)
            case "look":
                return {role: bool(self.shown.get(role, False)) for role in args[0]}
        if name != "restingTurns":
            self.log.append(" ".join(map(str, (name, *args))) if name in {"beginTurn", "setMode"} else name)
        answer = self.answers.get(name)
        if isinstance(answer, Exception):
            raise answer
        return answer(*args) if callable(answer) else answer

    async def has_turn(self):
        return True

    async def shows_check_around(self, stays_s=0.0):
        return self.check_around

    def listen(self, sink):
        self.sink = sink

    async def keep_looking(self):
        """Tell again and again that the page shows what it showed, as its agent does."""
        while True:
            if self.sink is not None:
                self.push()
            await anyio.sleep(0.05)

    def push(self, **facts):
        """Tell what the agent sees, as it does on its own."""
        self.sink(facts)

    def forget(self):
        self.log.append("forget")

    # -- the hands

    async def click(self, role, step):
        if not await self.click_if_there(role, step):
            raise SiteChangedError(role, step)

    async def click_if_there(self, role, step):
        if not self.shown.get(role, False):
            return False
        self.log.append(f"click {role}")
        self.on_click.get(role, lambda: None)()
        return True

    async def dismiss_dialogs(self):
        self.log.append("dismiss")
        self.change(dismiss=False)

    # -- Playwright's page

    async def bring_to_front(self):
        self.log.append("front")

    def locator(self, css):
        return css

    async def screenshot(self, mask, timeout):
        return b"picture"
