"""A ``Provider`` in memory, with control over its accounts: no browser, no roster, and nothing crosses but JSON.

It stands for a proxy to another process: ``MemoryNode`` is what would run there.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
from pydantic import TypeAdapter

from automation.errors import AutomationError, SignInRequiredError
from automation.turn import ChatLink
from backend.accounts.account_config import AccountConfig, AccountRepository, AccountStatus
from backend.accounts.sign_ins import SignInSession
from backend.accounts.states import NEEDS_A_PERSON, AccountState
from backend.errors import AccountNotFoundError, InvalidRequestError
from backend.providers.account_control import AccountControl, AccountSnapshot, summarize
from backend.providers.chat_call import ChatCall
from backend.providers.config import EndpointConfig
from backend.providers.protocol import Admitted, ProviderHealth, ProviderOpener
from backend.providers.replies import PassedReply, reply_headers
from backend.providers.target import Target
from backend.wire.chat_response import ChunkWriter, CompletionHead, completion_document, to_json
from backend.wire.usage import TokenUsage
from tests.fakes.scripted_accounts import ScriptedSignIn

SUMMARIES = TypeAdapter(list[AccountSnapshot])
USAGE = TokenUsage(7, 5)
NEEDS_SIGN_IN = AccountStatus(AccountState.NEED_LOGIN, "nobody has signed in")


def echo(body: Mapping[str, Any]) -> list[str]:
    """Answer with the last message, word by word."""
    return str(body["messages"][-1]["content"]).split(" ")


@dataclass
class MemoryNode:
    """Where the accounts are and the answers come from.

    Attributes:
        answer: The deltas that answer a body.
        asked: The account and the body of each request, in order.
        password: Signs every account in by the form.
        held: Where it is set, an answer waits for it after its first delta.
        begun: Set when an answer has begun, and ``left`` when one was left before its end.
        waiting: Set when a request waits for a person.
        openings: How often an endpoint was opened.
        has_accounts: False for a provider without any.
    """

    answer: Callable[[Mapping[str, Any]], list[str]] = echo
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    password: str = "lovelace"
    held: anyio.Event | None = None
    begun: anyio.Event = field(default_factory=anyio.Event)
    left: anyio.Event = field(default_factory=anyio.Event)
    waiting: anyio.Event = field(default_factory=anyio.Event)
    openings: int = 0
    has_accounts: bool = True
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    sign_in: ScriptedSignIn | None = None

    def opener(self, repository: AccountRepository) -> ProviderOpener:
        """Return what opens endpoints here."""

        @asynccontextmanager
        async def open_provider(config: EndpointConfig) -> AsyncIterator[MemoryProvider]:
            self.openings += 1
            control = MemoryAccountControl(self, config.slug, repository) if self.has_accounts else None
            if control is not None:
                await control.reload()
            yield MemoryProvider(self, control)

        return open_provider


class MemoryAccountControl:
    """An ``AccountControl``: an account needs a person until it has a session."""

    def __init__(self, node: MemoryNode, slug: str, repository: AccountRepository) -> None:
        self._node = node
        self._slug = slug
        self._repository = repository
        self._configs: dict[str, AccountConfig] = {}
        self._in_flight: dict[str, int] = {}
        self._attended: set[str] = set()
        self.changed = anyio.Event()

    async def list_accounts(self) -> list[AccountSnapshot]:
        return SUMMARIES.validate_json(SUMMARIES.dump_json(self.summaries()))

    async def reload(self) -> None:
        stored = await self._repository.list_accounts(self._slug)
        self._configs = {one.config.id: one.config for one in stored}
        self._tell_change()

    async def clear(self, account_id: str) -> None:
        self._check(account_id)
        self._tell_change()

    async def session(self, account_id: str) -> dict[str, Any] | None:
        self._check(account_id)
        state: dict[str, Any] | None = json.loads(json.dumps(self._node.sessions.get(account_id)))
        return state

    async def replace_session(self, account_id: str, state: dict[str, Any]) -> None:
        self._check(account_id)
        self._node.sessions[account_id] = json.loads(json.dumps(state))
        self._tell_change()

    async def sign_in_by_form(self, account_id: str) -> None:
        self._check(account_id)
        password = self._configs[account_id].password
        if password is None or password.get_secret_value() != self._node.password:
            raise SignInRequiredError("the site refuses the password")
        await self.replace_session(account_id, {"cookies": [], "origins": []})

    @asynccontextmanager
    async def open_sign_in(self, account_id: str) -> AsyncIterator[SignInSession]:
        self._check(account_id)
        self._attended.add(account_id)
        session = self._node.sign_in = ScriptedSignIn()
        try:
            yield session
        finally:
            self._attended.discard(account_id)
        if session.status.state == "signed_in":
            await self.replace_session(account_id, {"cookies": [], "origins": []})

    async def is_attended(self) -> bool:
        return bool(self._attended)

    def summaries(self) -> list[AccountSnapshot]:
        return [
            replace(summarize(config, self._account_status(name)), in_flight=self._in_flight.get(name, 0))
            for name, config in self._configs.items()
        ]

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[str]:
        """Lend an account that can be used; where a person is at work on one, wait for that."""
        while (name := self._usable()) is None:
            if not self._attended:
                raise SignInRequiredError("no account is signed in")
            self._node.waiting.set()
            await self.changed.wait()
        self._in_flight[name] = self._in_flight.get(name, 0) + 1
        try:
            yield name
        finally:
            self._in_flight[name] -= 1

    @property
    def problem(self) -> AutomationError | None:
        is_stuck = bool(self._configs) and self._usable() is None
        return SignInRequiredError("no account is signed in") if is_stuck else None

    def _usable(self) -> str | None:
        return next(
            (one.id for one in self.summaries() if one.account_status.state not in NEEDS_A_PERSON), None
        )

    def _account_status(self, name: str) -> AccountStatus:
        return AccountStatus() if name in self._node.sessions else NEEDS_SIGN_IN

    def _check(self, account_id: str) -> None:
        if account_id not in self._configs:
            raise AccountNotFoundError(self._slug, account_id)

    def _tell_change(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()


class MemoryProvider:
    """A ``Provider``; see there what each method does."""

    def __init__(self, node: MemoryNode, control: MemoryAccountControl | None) -> None:
        self._node = node
        self._control = control

    @property
    def problem(self) -> AutomationError | None:
        return self._control.problem if self._control is not None else None

    @property
    def accounts(self) -> AccountControl | None:
        return self._control

    async def until_changed(self) -> None:
        if self._control is None:
            await anyio.sleep_forever()
        else:
            await self._control.changed.wait()

    async def models(self) -> list[str]:
        return ["one", "two"]

    async def check(self) -> ProviderHealth:
        return ProviderHealth(self.problem is None, str(self.problem) if self.problem else None)

    async def forget_chat(self, chat: ChatLink) -> bool:
        return False

    async def embed(self, body: Mapping[str, Any], model: str) -> bytes:
        if body.get("input") != "a":
            raise InvalidRequestError("input: only the letter a can be embedded.", "input")
        data = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
        return to_json({"object": "list", "model": model, "data": data, "usage": {"prompt_tokens": 1}})

    @asynccontextmanager
    async def open_reply(
        self, call: ChatCall, target: Target, admitted: Admitted
    ) -> AsyncIterator[PassedReply]:
        body = json.loads(json.dumps(call.body_for(target.site_model)))
        head = CompletionHead(call.id, call.created, target.name)
        headers = reply_headers(target.slug, ())
        async with admitted, self._lent() as account:
            self._node.asked.append((account, body))
            answer = _MemoryAnswer(self._node, self._node.answer(body), head)
            try:
                await answer.begin()
                if call.is_streamed:
                    yield PassedReply(headers, stream=answer)
                else:
                    yield PassedReply(headers, await answer.whole(), USAGE)
            finally:
                if not answer.is_over:
                    self._node.left.set()

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[str]:
        if self._control is None:
            yield ""
            return
        async with self._control.lent() as account:
            yield account


class _MemoryAnswer:
    """An answer of deltas that are known; iterate it for its events."""

    usage = USAGE

    def __init__(self, node: MemoryNode, deltas: list[str], head: CompletionHead) -> None:
        self._node = node
        self._deltas = list(deltas)
        self._head = head
        self._writer = ChunkWriter(head, with_usage=False)
        self._is_first = True
        self.is_over = False

    async def begin(self) -> None:
        self._node.begun.set()

    async def whole(self) -> bytes:
        if self._node.held is not None:
            await self._node.held.wait()
        self.is_over = True
        usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
        text = " ".join(self._deltas)
        return to_json(
            completion_document(
                self._head, text=text, reasoning="", citations=[], finish_reason="stop", usage=usage
            )
        )

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self.is_over:
            raise StopAsyncIteration
        if not self._is_first and self._node.held is not None:
            await self._node.held.wait()
        self._is_first = False
        if self._deltas:
            return self._writer.text(self._deltas.pop(0))
        self.is_over = True
        return self._writer.finish("stop", [], ())
