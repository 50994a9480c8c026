"""A driver and its browsers in memory, in place of Playwright's: they die, hang and refuse when the test says so."""

from collections import defaultdict
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.lowlevel import checkpoint
from playwright.async_api import Error as PlaywrightError

# Above the most that Linux gives, so that no process is meant.
FIRST_PID = 2**22 + 1000
GONE = "Target page, context or browser has been closed"


class ContextModel:
    """A browser context: cookies, and pages that are only counted."""

    def __init__(self, browser, storage_state=None):
        self.browser = browser
        self.given = storage_state
        self.cookie_jar: list[dict[str, Any]] = list((storage_state or {}).get("cookies", ()))
        self.pages: list[Any] = []
        self.is_closed = False
        self.options: dict[str, Any] = {}
        self.reading: Any = None
        self._listeners: dict[str, list[Any]] = defaultdict(list)

    def on(self, event, listener):
        self._listeners[event].append(listener)

    def _check(self):
        if self.is_closed or not self.browser.is_alive:
            raise PlaywrightError(GONE)

    async def cookies(self):
        self._check()
        return list(self.cookie_jar)

    async def add_cookies(self, cookies):
        self._check()
        self.cookie_jar += cookies

    async def storage_state(self, indexed_db):
        self._check()
        if self.reading is not None:
            self.reading()
        return {"cookies": list(self.cookie_jar), "origins": []}

    async def set_storage_state(self, state):
        self.browser.check_session()
        self.cookie_jar = list(state["cookies"])

    async def new_page(self):
        self._check()
        self.pages.append(object())
        return self.pages[-1]

    async def close(self):
        self._check()
        self.is_closed = True
        for listener in self._listeners["close"]:
            listener(self)


class BrowserModel:
    """A browser, and the DevTools session to all of it.

    Attributes:
        refuses: What opening a context raises, as long as it is set.
        hangs: It answers no question.
        network: The process id of its network process; another number is another process.
    """

    version = "999.0"

    def __init__(self, driver, pid):
        self.driver = driver
        self.pid = pid
        self.contexts: list[ContextModel] = []
        self.is_alive = True
        self.refuses: Exception | None = None
        self.hangs = False
        self.network: int | None = pid + 500
        self._listeners: dict[str, list[Any]] = defaultdict(list)

    def on(self, event, listener):
        self._listeners[event].append(listener)

    def is_connected(self):
        return self.is_alive

    def die(self, *, unnoticed=False):
        self.is_alive = False
        if not unnoticed:
            for listener in self._listeners["disconnected"]:
                listener(self)

    async def close(self):
        if not self.driver.is_alive:
            raise PlaywrightError(GONE)
        self.die()

    def check_session(self):
        if self.driver.refuses_sessions:
            raise PlaywrightError("Invalid cookie fields")

    async def new_browser_cdp_session(self):
        return self

    async def send(self, method):
        if self.hangs:
            await anyio.sleep_forever()
        if not (self.is_alive and self.driver.is_alive):
            raise PlaywrightError(GONE)
        if method != "SystemInfo.getProcessInfo":
            return {}
        found = [{"id": self.pid, "type": "browser", "cpuTime": 1.0}]
        if self.network is not None:
            found.append({"id": self.network, "type": "network.mojom.NetworkService", "cpuTime": 1.0})
        return {"processInfo": found}

    async def new_context(self, storage_state=None, **options):
        if self.refuses is not None:
            raise self.refuses
        if not self.is_alive:
            raise PlaywrightError(GONE)
        if storage_state is not None:
            self.check_session()
        context = ContextModel(self, storage_state)
        context.options = options
        self.contexts.append(context)
        return context


class DriverModel:
    """A driver that starts browsers, or attaches to one: ``chromium`` and ``request`` of Playwright's in one.

    Attributes:
        started: The options of each start, with the profile that a browser keeps as ``profile``.
        refuses_sessions: Its browsers take no cookies that are brought.
        is_deadly: Its browsers die while they start.
        errors: What the next starts raise, one after the other; ``error`` is what each raises.
    """

    executable_path = ""

    def __init__(self, *, refuses_sessions=False, is_deadly=False):
        self.chromium = self.request = self
        self.refuses_sessions = refuses_sessions
        self.is_deadly = is_deadly
        self.is_alive = True
        self.browsers: list[BrowserModel] = []
        self.started: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.errors: list[Exception] = []

    def _start(self, **options):
        if self.errors:
            raise self.errors.pop(0)
        if self.error is not None:
            raise self.error
        self.started.append(options)
        browser = BrowserModel(self, FIRST_PID + len(self.browsers))
        browser.is_alive = not self.is_deadly
        self.browsers.append(browser)
        return browser

    async def launch(self, **options):
        await checkpoint()
        return self._start(**options)

    async def launch_persistent_context(self, profile, no_viewport, **options):
        return await self._start(profile=profile, **options).new_context()

    async def connect_over_cdp(self, url, timeout, no_defaults):
        browser = self._start(url=url)
        await browser.new_context()
        return browser

    # -- what is asked whether the driver lives

    async def new_context(self):
        if not self.is_alive:
            raise PlaywrightError("Connection closed")
        return self

    async def dispose(self):
        pass


class Drivers:
    """Starts drivers, and keeps them to be looked at."""

    def __init__(self):
        self.started: list[DriverModel] = []
        self.refuses_sessions = self.is_deadly = False

    @asynccontextmanager
    async def run(self, kind):
        driver = DriverModel(refuses_sessions=self.refuses_sessions, is_deadly=self.is_deadly)
        self.started.append(driver)
        yield driver

    @property
    def browsers(self):
        """Every browser that was started."""
        return [browser for driver in self.started for browser in driver.browsers]
