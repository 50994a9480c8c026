"""Tries a profile on its page from the command line: ``python -m backend.cli try URL --profile FILE``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import anyio

from automation.account.session_import import find_session
from automation.account.session_state import StorageState
from automation.browser.pool import BrowserPool, open_browser_pool
from automation.errors import AutomationError, ProfileError
from automation.profiles.loader import find_profile_file, read_profile_file
from automation.stealth.options import BrowserConfig
from automation.workbench.report import TrialPlan, TrialReport
from automation.workbench.trial import try_profile
from backend.accounts.account_config import own_account, session_key
from backend.accounts.sealed_sessions import SealedSessions
from backend.accounts.vault import VaultError
from backend.api.admin.trial_documents import trial_document
from backend.api.errors import describe_error
from backend.assembly import open_vault
from backend.cli.trial_lines import list_lines
from backend.persistence.endpoints import SqlEndpoints
from backend.persistence.engine import open_database
from backend.persistence.sessions import SqlSessions
from backend.providers.config import BrowserSettings
from backend.providers.web_chat.opener import build_browser_config
from backend.settings import Settings

FINE, SOMETHING_TO_CHANGE, BAD_USAGE = 0, 1, 2

_LOOK_EVERY_S = 0.3
# The page that is tried, and one that the site opens.
_MOST_PAGES = 2

Say = Callable[[str], None]


class TrialUsageError(Exception):
    """What was given can't be used; ``str()`` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """What the command line asks for.

    Attributes:
        profile: A file, or the name of a profile.
        session: A file with Playwright's ``storage_state`` or a list of cookies.
        account: ``ENDPOINT`` or ``ENDPOINT/ACCOUNT`` whose stored session and browser settings are used.
        picture: Where the screenshot goes.
    """

    url: str
    profile: str
    ask: str | None
    session: Path | None
    account: str | None
    picture: Path
    headed: bool
    as_json: bool
    watch: bool


@dataclass(frozen=True, slots=True)
class _Begin:
    """The browser and the session that each trial begins with."""

    browser: BrowserConfig
    session: StorageState | None


async def run_trials(request: TrialRequest, settings: Settings, say: Say) -> int:
    """Try the profile once, or whenever its file is saved; return the exit code.

    Raises:
        TrialUsageError: The address, the session, or where the profile is can't be used.
    """
    if urlsplit(request.url).scheme not in {"http", "https"} or not urlsplit(request.url).hostname:
        msg = f"{request.url} is not an http address."
        raise TrialUsageError(msg)
    path = _find_file(request.profile, settings)
    begin = await _find_begin(request, settings)
    async with open_browser_pool(settings.browser_executable, _MOST_PAGES) as pool:
        while True:
            saved_at = _read_saved_at(path)
            code = await _try_once(pool, begin, request, path, say)
            if not request.watch:
                return code
            say(f"Waiting for {path} to be saved; Ctrl+C ends.")
            while _read_saved_at(path) == saved_at:  # noqa: ASYNC110  a file tells nobody that it was saved
                await anyio.sleep(_LOOK_EVERY_S)


async def _try_once(pool: BrowserPool, begin: _Begin, request: TrialRequest, path: Path, say: Say) -> int:
    try:
        plan = TrialPlan(
            url=request.url,
            profile=read_profile_file(path),
            browser=begin.browser,
            ask=request.ask,
            session=begin.session,
        )
        report = await try_profile(pool, plan)
    except (AutomationError, OSError) as exc:
        say(_describe_failure(exc) if request.as_json else f"change: {exc}")
        return SOMETHING_TO_CHANGE
    picture = _keep_picture(report, request.picture)
    if request.as_json:
        document = {**trial_document(report, has_screenshot=False), "screenshot": picture}
        say(json.dumps(document, ensure_ascii=False))
    else:
        for line in list_lines(report, picture):
            say(line)
    return SOMETHING_TO_CHANGE if report.problems else FINE


def _describe_failure(error: Exception) -> str:
    """Return the JSON of a trial that did not come to a page."""
    reply = describe_error(error)
    told = {"code": reply.code, "message": str(error), "sent": None}
    return json.dumps({"ok": False, "advice": str(error), "problems": [str(error)], "error": told})


def _keep_picture(report: TrialReport, path: Path) -> str | None:
    """Write the screenshot so that only its user reads it; return where it is."""
    if report.screenshot is None:
        return None
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(report.screenshot)
    return str(path)


def _find_file(profile: str, settings: Settings) -> Path:
    path = Path(profile)
    if path.is_file():
        return path
    try:
        return find_profile_file(profile, settings.profile_folders)
    except ProfileError as exc:
        msg = f"There is no file {profile!r}, and {exc.reason}."
        raise TrialUsageError(msg) from exc


def _read_saved_at(path: Path) -> int | None:
    """Return when the file was saved last; None in the moment in which an editor replaces it."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


async def _find_begin(request: TrialRequest, settings: Settings) -> _Begin:
    browser, session = BrowserSettings(), None
    try:
        if request.account is not None:
            browser, session = await _read_account(request.account, settings)
        if request.session is not None:
            session = _read_session(request.session, request.url)
    except (VaultError, OSError, ValueError) as exc:
        msg = f"The session can't be used: {exc}"
        raise TrialUsageError(msg) from exc
    config = build_browser_config(browser, headless=True, driver=settings.browser_driver)
    return _Begin(replace(config, headless=False) if request.headed else config, session)


def _read_session(path: Path, url: str) -> StorageState | None:
    given = json.loads(path.read_text("utf-8"))
    return find_session({"cookies": given} if isinstance(given, list) else {"storage_state": given}, url)


async def _read_account(named: str, settings: Settings) -> tuple[BrowserSettings, StorageState | None]:
    """Return the browser settings of an endpoint and the session stored of an account; nothing is changed."""
    slug, _, account = named.partition("/")
    vault = open_vault(settings)
    async with open_database(settings.effective_database_url) as engine:
        stored = await SqlEndpoints(engine, vault).list_endpoints()
        config = next((one.config for one in stored if one.config.slug == slug), None)
        if config is None:
            msg = f"there is no endpoint {slug!r}; `python -m backend.cli endpoints` lists them"
            raise ValueError(msg)
        key = account or session_key(own_account(config.username, config.password))
        session = await SealedSessions(SqlSessions(engine), vault, slug, key).load()
    if session is None:
        msg = f"no session of {named!r} is stored"
        raise ValueError(msg)
    return config.browser_config, session
