"""Runs sign-ins, at most one per account, each in a task of its own, found by account or by live link."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol

import anyio
from anyio.abc import TaskGroup, TaskStatus

from automation.errors import AutomationError, SignInRequiredError
from automation.owned_tasks import owned_tasks
from automation.sign_in.status import SignInStatus
from backend.accounts.live_tokens import LiveTokens
from backend.errors import InvalidRequestError, SignInNotFoundError, SignInRunningError

if TYPE_CHECKING:  # the browser's driver is loaded by what opens pages
    from automation.sign_in.live_view import LiveView

logger = logging.getLogger(__name__)

SignInMode = Literal["form", "interactive"]
VIEW_IDLE_S = 300.0
# Of so many accounts it is known how their last sign-in ended.
MOST_ENDED = 200


class SignInSession(Protocol):
    """Session in which a person signs in; ``automation``'s ``InteractiveSignIn`` is one."""

    status: SignInStatus

    @property
    def news(self) -> anyio.Event:
        """Set when ``status`` changes; each change has its own event."""
        ...

    def view(self) -> AbstractAsyncContextManager[LiveView]:
        """Show the page to a person."""
        ...

    async def until_over(self) -> None:
        """Return when it has ended in whatever way."""
        ...

    async def complete(self) -> None:
        """Check that the account is signed in, or raise ``SignInRequiredError``."""
        ...

    def cancel(self) -> None:
        """End it."""
        ...


class SignInHost(Protocol):
    """Host of one account's sign-ins."""

    def open_sign_in(self) -> AbstractAsyncContextManager[SignInSession]:
        """Open the page on which a person signs in, or raise ``AutomationError``; it is closed at the end of the block."""
        ...

    async def sign_in_by_form(self) -> None:
        """Fill the site's form with the account's credentials, or raise ``AutomationError``."""
        ...


class SignInHosts(Protocol):
    """Finds the sign-in host of an account, over all endpoints."""

    async def find_sign_in_host(self, slug: str, account_id: str) -> SignInHost:
        """Return the account's sign-in host, or raise ``EndpointNotFoundError`` or ``AccountNotFoundError``."""
        ...


@dataclass(frozen=True, slots=True)
class LiveViewer:
    """The viewer of a live view; there is one at a time.

    Attributes:
        taken: Set when another person takes over; whoever sits here has to leave then.
    """

    view: LiveView
    taken: anyio.Event


class SignIn:
    """One sign-in of one account, also after its end."""

    def __init__(self, slug: str, account_id: str, mode: SignInMode) -> None:
        self.slug = slug
        self.account_id = account_id
        self.mode = mode
        self.started_at = datetime.now(UTC)
        self.session: SignInSession | None = None
        self._broke: SignInStatus | None = None
        self.opening = anyio.CancelScope()
        self._alone = anyio.Lock()
        self._taken: anyio.Event | None = None

    @property
    def status(self) -> SignInStatus:
        """State of the sign-in."""
        if self._broke is not None:
            return self._broke
        return self.session.status if self.session else SignInStatus("waiting")

    def broke(self) -> None:
        """Mark it as ended by a bug of ours."""
        if not self.status.is_over:
            self._broke = SignInStatus("lost", reason="it failed unexpectedly; the gateway's log says why")

    def cancel(self) -> None:
        """End it, also while its page is being opened; the account stays as it was."""
        if self.session is not None:
            self.session.cancel()
        elif not self.status.is_over:
            self._broke = SignInStatus("cancelled", reason="it was cancelled")
            self.opening.cancel()

    @asynccontextmanager
    async def seat(self) -> AsyncIterator[LiveViewer]:
        """Show the page to one viewer. A later one takes over: the earlier one leaves first, so two never steer.

        Raises:
            InvalidRequestError: There is nothing to see: the site's form is filled by itself, or the sign-in is over.
        """
        if self.session is None or self.mode == "form" or self.status.is_over:
            raise _no_view()
        if self._taken is not None:
            self._taken.set()
        taken = self._taken = anyio.Event()
        async with self._alone, self.session.view() as view:
            yield LiveViewer(view, taken)


def _no_view() -> InvalidRequestError:
    return InvalidRequestError("This sign-in has no live view; start one with the mode 'interactive'.")


class _FormSignIn:
    """A sign-in by the site's own form, which nobody watches."""

    def __init__(self) -> None:
        self.status = SignInStatus("waiting")
        self._news = anyio.Event()

    @property
    def news(self) -> anyio.Event:
        """Set when ``status`` changes."""
        return self._news

    def view(self) -> AbstractAsyncContextManager[LiveView]:
        """Refuse: the site's form is filled by itself."""
        raise _no_view()

    async def until_over(self) -> None:
        """Return when the form was filled, or something went wrong."""
        while not self.status.is_over:
            await self._news.wait()

    async def complete(self) -> None:
        """Wait for the form.

        Raises:
            SignInRequiredError: It refused.
        """
        await self.until_over()
        if self.status.state != "signed_in":
            raise SignInRequiredError(self.status.reason)

    def cancel(self) -> None:
        """Give up."""
        self.end(SignInStatus("cancelled", reason="it was cancelled"))

    def end(self, status: SignInStatus) -> None:
        """Note how it ended, unless it had ended already."""
        if not self.status.is_over:
            self.status = status
            news, self._news = self._news, anyio.Event()
            news.set()


class SignIns:
    """All sign-ins; get it from ``open_sign_ins``.

    Attributes:
        view_idle_s: A live view in which nobody does anything is closed after so many seconds.
    """

    def __init__(self, rooms: SignInHosts, tasks: TaskGroup, *, view_idle_s: float = VIEW_IDLE_S) -> None:
        self.view_idle_s = view_idle_s
        self.tokens: LiveTokens[SignIn] = LiveTokens()
        self._rooms = rooms
        self._tasks = tasks
        self._sign_ins: dict[tuple[str, str], SignIn] = {}

    async def start(self, slug: str, account_id: str, mode: SignInMode) -> SignIn:
        """Start one and return it once its page is there.

        Raises:
            SignInRunningError: One of this account goes on already.
            EndpointNotFoundError, AccountNotFoundError, AutomationError: As ``SignInHosts`` says.
        """
        key = (slug, account_id)
        before = self._sign_ins.get(key)
        if before is not None and not before.status.is_over:
            raise SignInRunningError(slug, account_id)
        self._sign_ins.pop(key, None)
        sign_in = self._sign_ins[key] = SignIn(slug, account_id, mode)
        self._forget_oldest()
        is_started = False
        try:
            room = await self._rooms.find_sign_in_host(slug, account_id)
            await self._tasks.start(self._run_form if mode == "form" else self._run, sign_in, room)
            is_started = True
        finally:
            if not is_started:
                del self._sign_ins[key]
                if before is not None:
                    self._sign_ins[key] = before
        return sign_in

    def _forget_oldest(self) -> None:
        ended = [key for key, sign_in in self._sign_ins.items() if sign_in.status.is_over]
        for key in ended[:-MOST_ENDED]:
            del self._sign_ins[key]

    def get(self, slug: str, account_id: str) -> SignIn:
        """Return the account's last one.

        Raises:
            SignInNotFoundError: None was started since the gateway was, or it ended long ago.
        """
        found = self._sign_ins.get((slug, account_id))
        if found is None:
            raise SignInNotFoundError(slug, account_id)
        return found

    async def _run(self, sign_in: SignIn, room: SignInHost, *, task_status: TaskStatus[None]) -> None:
        try:
            with sign_in.opening:
                async with room.open_sign_in() as session:
                    sign_in.session = session
                    task_status.started()
                    await session.until_over()
            if sign_in.session is None:
                task_status.started()  # cancelled before there was anything to see
        except Exception:
            if sign_in.session is None:
                raise  # to whoever starts it
            # A failure of this one must not end all others.
            logger.exception(
                "sign_in_failed", extra={"endpoint": sign_in.slug, "account": sign_in.account_id}
            )
            sign_in.broke()
        finally:
            self.tokens.revoke(sign_in)

    async def _run_form(self, sign_in: SignIn, room: SignInHost, *, task_status: TaskStatus[None]) -> None:
        session = sign_in.session = _FormSignIn()
        task_status.started()
        async with owned_tasks() as tasks:
            tasks.start_soon(_fill_form, room, session)
            await session.until_over()


async def _fill_form(room: SignInHost, session: _FormSignIn) -> None:
    try:
        await room.sign_in_by_form()
    except SignInRequiredError as exc:
        session.end(SignInStatus("refused", reason=exc.reason))
    except AutomationError as exc:
        session.end(SignInStatus("lost", reason=str(exc)))
    except Exception:
        logger.exception("sign_in_failed")
        session.end(SignInStatus("lost", reason="it failed unexpectedly; the gateway's log says why"))
    else:
        session.end(SignInStatus("signed_in"))


@asynccontextmanager
async def open_sign_ins(rooms: SignInHosts, *, view_idle_s: float = VIEW_IDLE_S) -> AsyncIterator[SignIns]:
    """Hold the sign-ins until the block is left; those that go on are ended then."""
    async with owned_tasks() as tasks:
        yield SignIns(rooms, tasks, view_idle_s=view_idle_s)
