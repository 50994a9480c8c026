"""Alert channels: a webhook, and whatever Apprise knows (e-mail, chats, phones)."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import aiohttp
import anyio
import orjson
from pydantic import SecretStr

from automation.child_environment import limit_environment
from backend.alerts.notices import Notice
from backend.exponential_back_off import back_off_s

logger = logging.getLogger(__name__)

_TRIES = 3
_WEBHOOK_S = 10.0
_APPRISE_S = 90.0
_SENDER = Path(__file__).with_name("apprise_sender.py")


class AlertChannel(Protocol):
    """Delivers notices; failures are logged, never raised, and never with an address: it holds secrets."""

    async def send(self, notice: Notice) -> None:
        """Deliver a notice."""
        ...


class Webhook:
    """POSTs each notice as JSON; up to three tries while the receiver doesn't answer with 2xx."""

    def __init__(self, url: SecretStr) -> None:
        self._url = url

    async def send(self, notice: Notice) -> None:
        """Deliver a notice."""
        for attempt in range(1, _TRIES + 1):
            problem = await self._post(notice)
            if problem is None:
                logger.info("alert_sent", extra={"channel": "webhook", "endpoint": notice.endpoint})
                return
            if attempt < _TRIES:
                await anyio.sleep(back_off_s(attempt))
        logger.error(
            "alert_failed", extra={"channel": "webhook", "endpoint": notice.endpoint, "reason": problem}
        )

    async def _post(self, notice: Notice) -> str | None:
        timeout = aiohttp.ClientTimeout(total=_WEBHOOK_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(
                    self._url.get_secret_value(),
                    data=orjson.dumps(notice.document()),
                    headers={"content-type": "application/json"},
                    allow_redirects=False,
                ) as answer,
            ):
                return None if answer.ok and answer.status < 300 else f"HTTP {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
            return type(exc).__name__


class AppriseChannel:
    """Sends notices to every Apprise address.

    A process of its own does it, because the library takes 40 MB and doesn't know asyncio: both end with the process.
    """

    def __init__(self, urls: SecretStr) -> None:
        self._urls = urls

    async def send(self, notice: Notice) -> None:
        """Deliver a notice."""
        message = {"urls": self._urls.get_secret_value(), "title": notice.title, "body": notice.text}
        facts = {"channel": "apprise", "endpoint": notice.endpoint}
        try:
            with anyio.fail_after(_APPRISE_S):
                # What the library writes names its addresses with their secrets, so nobody reads it.
                done = await anyio.run_process(
                    [sys.executable, "-P", str(_SENDER)],
                    input=orjson.dumps(message),
                    env=limit_environment(os.environ),  # noqa: TID251  no setting is read
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    check=False,
                )
        except (OSError, TimeoutError) as exc:
            logger.error("alert_failed", extra={**facts, "reason": type(exc).__name__})  # noqa: TRY400  its type says all
            return
        if done.returncode == 0:
            logger.info("alert_sent", extra=facts)
        else:
            logger.error("alert_failed", extra={**facts, "reason": f"exit {done.returncode}"})
