"""From a model's name to the answer of the first endpoint that begins one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from automation.errors import AutomationError, ContentBlockedError, SiteError, UnreachableError
from automation.library.kept_open import KeptOpen
from automation.turn import ChatLink
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.manager import EndpointDependencies, EndpointManager, open_manager
from backend.endpoints.screenshots import ScreenshotFolder
from backend.endpoints.states import EndpointState
from backend.errors import (
    EndpointNotRunningError,
    InvalidRequestError,
    ModelNotFoundError,
    QueueFullError,
    RateExceededError,
)
from backend.gateway.gateway import Gateway
from backend.gateway.placement.background import BackgroundPatterns
from backend.gateway.placement.placement import ConversationPlacer
from backend.gateway.routing.breaker import BreakerLimits
from backend.gateway.routing.endpoint_stats import EndpointStatsRegistry
from backend.gateway.routing.rotation_registry import RotationRegistry
from backend.gateway.routing.router import Router
from backend.identity.principal import LOCAL_ADMINISTRATOR, Principal
from backend.ledger.usage_log import UsageLog
from backend.providers.account_control import AccountControl
from backend.providers.chat_call import ChatCall
from backend.providers.config import EndpointConfig
from backend.providers.protocol import Admitted, Provider, ProviderHealth, ProviderKind, ProviderTraits
from backend.providers.replies import PassedReply
from backend.providers.target import Target
from tests.fakes.memory_conversations import MemoryConversations
from tests.fakes.memory_endpoints import MemoryEndpoints, MemoryRotations, MemoryUsage, draft_of

TITLE = "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history."
EMBEDDINGS = json.dumps({"object": "list", "data": [], "usage": {"prompt_tokens": 3}}).encode()


@dataclass
class Upstream:
    """What the providers of all endpoints do.

    Attributes:
        failures: By slug: raised by the next requests before they are answered, one each.
        late_failure: Raised in the midst of every streamed answer.
        held: What an answer waits for once it has its place.
        steps: What the providers did, in order, and at which opening of the endpoint.
        prepare: Awaited before a request takes its place.
    """

    failures: dict[str, list[Exception]] = field(default_factory=dict)
    late_failure: Exception | None = None
    held: anyio.Event | None = None
    steps: list[tuple[str, str, int]] = field(default_factory=list)
    prepare: Callable[[], Any] | None = None
    openings: int = 0
    most_at_once: int = 0
    at_once: int = 0

    @asynccontextmanager
    async def open(self, config: EndpointConfig) -> AsyncIterator[Provider]:
        self.openings += 1
        yield UpstreamProvider(self, config.slug, self.openings)


class UpstreamProvider:
    """A ``Provider`` that says which model it was asked for."""

    problem: AutomationError | None = None
    accounts: AccountControl | None = None

    def __init__(self, upstream: Upstream, slug: str, opening: int) -> None:
        self._upstream = upstream
        self._slug = slug
        self._opening = opening

    async def until_changed(self) -> None:
        await anyio.sleep_forever()

    async def models(self) -> list[str]:
        return ["one", "two"]

    async def check(self) -> ProviderHealth:
        return ProviderHealth(is_healthy=True)

    async def forget_chat(self, chat: ChatLink) -> bool:
        return False

    async def embed(self, body: Mapping[str, Any], model: str) -> bytes:
        self._note(f"embed {model}")
        self._fail()
        return EMBEDDINGS

    @asynccontextmanager
    async def open_reply(
        self, call: ChatCall, target: Target, admitted: Admitted
    ) -> AsyncIterator[PassedReply]:
        upstream = self._upstream
        if upstream.prepare is not None:
            self._note("prepare")
            await upstream.prepare()
        async with admitted:
            upstream.at_once += 1
            upstream.most_at_once = max(upstream.most_at_once, upstream.at_once)
            try:
                self._note(f"ask {target.name}")
                self._fail()
                if upstream.held is not None:
                    await upstream.held.wait()
                yield PassedReply({"x": self._slug}, b"whole", stream=_Stream(upstream.late_failure))
            finally:
                upstream.at_once -= 1

    def _note(self, step: str) -> None:
        self._upstream.steps.append((self._slug, step, self._opening))

    def _fail(self) -> None:
        if failures := self._upstream.failures.get(self._slug):
            raise failures.pop(0)


class _Stream:
    """A streamed answer of one event, and perhaps a failure."""

    usage = None

    def __init__(self, failure: Exception | None) -> None:
        self._failure = failure
        self._events = [b"event"]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._events:
            return self._events.pop()
        if self._failure is not None:
            raise self._failure
        raise StopAsyncIteration


@dataclass
class House:
    """A gateway with its endpoints, all in memory."""

    gateway: Gateway
    manager: EndpointManager
    upstream: Upstream
    usage: MemoryUsage
    log: UsageLog

    async def started(self, name: str, **fields: object) -> Endpoint:
        endpoint = await self.manager.create(draft_of(name, **fields))
        await self.manager.start(endpoint.slug)
        return await self.active(endpoint)

    async def active(self, endpoint: Endpoint) -> Endpoint:
        with anyio.fail_after(200):
            await endpoint.board.wait_until(lambda state: state is EndpointState.ACTIVE)
        return endpoint

    async def ask(self, model: str = "demo", text: str = "Hello", pinned_to: str | None = None) -> str:
        """Return who answered."""
        async with self.gateway.open_reply(parse_chat_call(model, text), pinned_to) as reply:
            return dict(reply.headers)["x"]

    async def outcomes(self) -> list[tuple[str, str]]:
        await self.log.flush()
        return [(record.endpoint, record.outcome) for record in self.usage.records]


def parse_chat_call(
    model: str = "demo",
    text: str = "Hello",
    *,
    is_streamed: bool = False,
    principal: Principal = LOCAL_ADMINISTRATOR,
) -> ChatCall:
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    return ChatCall(model, body, is_streamed, principal=principal)


def open_house(folder: Path, background_model: str = "") -> AbstractAsyncContextManager[House]:
    return _open_house(folder, background_model)


@asynccontextmanager
async def _open_house(folder: Path, background_model: str) -> AsyncIterator[House]:
    async def forget(_slug: str) -> None:
        pass

    upstream, usage = Upstream(), MemoryUsage()
    dependencies = EndpointDependencies(
        repository=MemoryEndpoints(),
        kinds={
            "web_chat": ProviderKind(upstream.open, ProviderTraits(keeps_chats=True, keeps_min_delay=True)),
            "rest_api": ProviderKind(upstream.open, ProviderTraits(has_embeddings=True)),
        },
        check=lambda _config: None,
        screenshots=ScreenshotFolder(folder),
        forget=forget,
    )
    async with open_manager(dependencies) as manager:
        rotations = RotationRegistry(MemoryRotations())
        router = Router(
            manager=manager,
            rotations=rotations,
            endpoint_stats=EndpointStatsRegistry(BreakerLimits(3, 60.0)),
            alias_strategy="weighted",
        )
        log = UsageLog(usage)
        gateway = Gateway(
            manager=manager,
            router=router,
            rotations=rotations,
            background=BackgroundPatterns(),
            conversations=ConversationPlacer(MemoryConversations()),
            usage=log,
            background_model=background_model,
        )
        yield House(gateway, manager, upstream, usage, log)


@pytest.fixture
async def house(tmp_path):
    # A fixture is left by another task than it is entered by, which a task group does not allow.
    kept = KeptOpen(open_house(tmp_path))
    yield await kept.open()
    await kept.close()


async def test_the_endpoint_that_the_name_means_is_asked_for_its_model(house):
    await house.started("demo")

    assert await house.ask("demo/two") == "demo"
    assert house.upstream.steps == [("demo", "ask demo/two", 1)]
    assert await house.outcomes() == [("demo", "finished")]


async def test_a_name_that_nothing_has_is_asked_of_nobody(house):
    await house.started("demo")

    with pytest.raises(ModelNotFoundError):
        await house.ask("demo/three")

    assert house.upstream.steps == []


async def test_an_endpoint_that_fails_before_its_answer_gives_way_to_its_fallback(house):
    await house.started("second")
    await house.started("demo", fallbacks=["second"])
    house.upstream.failures["demo"] = [UnreachableError("http://x/", "no such host")]
    call = parse_chat_call()

    async with house.gateway.open_reply(call) as reply:
        answered = dict(reply.headers)["x"]

    assert (answered, call.asked) == ("second", ["demo", "second"])
    assert await house.outcomes() == [("demo", "UnreachableError"), ("second", "finished")]


async def test_one_that_is_stopped_gives_way_without_a_request_to_it(house):
    await house.started("second")
    await house.manager.create(draft_of("demo", fallbacks=["second"]))

    assert await house.ask("demo") == "second"


async def test_what_everybody_would_refuse_is_not_asked_of_another(house):
    await house.started("second")
    await house.started("demo", fallbacks=["second"])
    house.upstream.failures["demo"] = [InvalidRequestError("n: must be 1.", "n")]

    with pytest.raises(InvalidRequestError):
        await house.ask("demo")

    assert [slug for slug, _, _ in house.upstream.steps] == ["demo"]


async def test_where_all_fail_the_error_is_raised_that_helps_most(house):
    await house.started("second")
    await house.started("demo", fallbacks=["second"])
    house.upstream.failures = {"demo": [ContentBlockedError("not that")], "second": [SiteError("HTTP 500")]}

    with pytest.raises(SiteError) as raised:
        await house.ask("demo")

    assert [slug for slug, _, _ in house.upstream.steps] == ["demo", "second"]
    assert raised.value.site_message in {"not that", "HTTP 500"}


async def test_an_answer_that_has_begun_is_nobody_elses(house):
    await house.started("second")
    await house.started("demo", fallbacks=["second"])
    house.upstream.late_failure = SiteError("HTTP 500")

    async with house.gateway.open_reply(parse_chat_call(is_streamed=True)) as reply:
        first = await anext(reply)
        with pytest.raises(SiteError):
            await anext(reply)

    assert first == b"event"
    assert [slug for slug, _, _ in house.upstream.steps] == ["demo"]


async def test_no_more_requests_run_at_once_than_the_endpoint_takes(house):
    await house.started("demo", max_concurrent_requests=2)
    house.upstream.held = anyio.Event()
    asked = [asyncio.create_task(house.ask()) for _ in range(4)]
    with anyio.fail_after(200):
        while house.upstream.at_once < 2:
            await anyio.lowlevel.checkpoint()
    for _ in range(50):
        await anyio.lowlevel.checkpoint()

    house.upstream.held.set()
    answered = await asyncio.gather(*asked)

    assert answered == ["demo"] * 4
    assert house.upstream.most_at_once == 2


async def test_what_a_provider_does_before_it_takes_its_place_holds_up_nobody(house):
    await house.started("demo", max_concurrent_requests=1)
    slow = anyio.Event()
    house.upstream.prepare = slow.wait
    waiting = asyncio.create_task(house.ask())
    with anyio.fail_after(200):
        while not house.upstream.steps:
            await anyio.lowlevel.checkpoint()
    house.upstream.prepare = None

    assert await house.ask() == "demo"
    assert not waiting.done()
    slow.set()
    assert await waiting == "demo"


async def test_a_request_that_prepares_while_its_endpoint_is_restarted_goes_to_the_new_provider(house):
    endpoint = await house.started("demo", max_concurrent_requests=1)
    slow = anyio.Event()
    house.upstream.prepare = slow.wait
    asked = asyncio.create_task(house.ask())
    with anyio.fail_after(200):
        while not house.upstream.steps:
            await anyio.lowlevel.checkpoint()

    await house.manager.restart("demo")
    await house.active(endpoint)
    slow.set()

    with anyio.fail_after(200):
        assert await asked == "demo"
    assert house.upstream.steps == [("demo", "prepare", 1), ("demo", "prepare", 2), ("demo", "ask demo", 2)]
    assert await house.outcomes() == [("demo", "finished")]


async def test_a_request_that_waits_for_a_place_when_its_endpoint_is_stopped_was_sent_to_nobody(house):
    await house.started("demo", max_concurrent_requests=1)
    house.upstream.held = anyio.Event()
    running = asyncio.create_task(house.ask())
    with anyio.fail_after(200):
        while not house.upstream.at_once:
            await anyio.lowlevel.checkpoint()
    waiting = asyncio.create_task(house.ask())
    for _ in range(20):
        await anyio.lowlevel.checkpoint()

    await house.manager.stop("demo")

    for asked in (running, waiting):
        with pytest.raises(EndpointNotRunningError):
            await asked
    assert house.upstream.steps == [("demo", "ask demo", 1)]


async def test_a_place_is_given_back_by_requests_that_found_the_endpoint_closed(house):
    endpoint = await house.started("demo", max_concurrent_requests=1)
    house.upstream.failures["demo"] = [SiteError("HTTP 500")] * 3

    for _ in range(3):
        with pytest.raises(SiteError):
            await house.ask()
    await house.manager.stop("demo")
    with pytest.raises(EndpointNotRunningError):
        await house.ask()
    await house.manager.start("demo")
    await house.active(endpoint)

    with anyio.fail_after(200):
        assert await house.ask() == "demo"


@pytest.mark.parametrize(
    ("provider_type", "is_refused"),
    [("web_chat", False), ("rest_api", True)],
    ids=["a kind that keeps to it itself", "a kind that doesn't"],
)
async def test_a_delay_between_requests_is_kept_here_unless_the_kind_keeps_it(
    house, provider_type, is_refused
):
    # Half an hour: who had to keep it would be refused, as more wait than fit into two minutes.
    fields = {"provider_type": provider_type, "preset": "custom" if provider_type == "rest_api" else None}
    await house.started("demo", min_delay_between_requests=1800.0, **fields)
    await house.ask()

    if not is_refused:
        assert await house.ask() == "demo"
        return
    with pytest.raises(QueueFullError):
        await house.ask()


async def test_more_requests_a_minute_than_the_endpoint_takes_are_refused(house):
    await house.started("demo", max_requests_per_minute=1)
    await house.ask()

    with pytest.raises(RateExceededError):
        await house.ask()


async def test_embeddings_are_asked_of_kinds_that_have_them(house):
    await house.started("page")
    await house.started("api", provider_type="rest_api")

    document, slug = await house.gateway.embed({"input": "a"}, "api/one", LOCAL_ADMINISTRATOR)
    with pytest.raises(InvalidRequestError) as refused:
        await house.gateway.embed({"input": "a"}, "page/one", LOCAL_ADMINISTRATOR)

    assert (document, slug) == (EMBEDDINGS, "api")
    assert refused.value.param == "model"
    assert house.upstream.steps == [("api", "embed one", 2)]
    assert await house.outcomes() == [("api", "finished")]


@pytest.mark.parametrize(
    ("text", "answered"), [(TITLE, "cheap"), ("Hello", "demo")], ids=["a title", "a question"]
)
async def test_what_a_front_end_asks_for_itself_leaves_chats_that_people_see_alone(tmp_path, text, answered):
    async with open_house(tmp_path, background_model="cheap") as house:
        await house.started("cheap", provider_type="rest_api")
        await house.started("demo")
        await house.started("api", provider_type="rest_api")

        assert await house.ask("demo", text) == answered
        assert await house.ask("api", text) == "api"
        assert await house.ask("demo", text, pinned_to="demo") == "demo"


async def test_models_are_listed_of_endpoints_that_are_started(house):
    await house.started("demo")
    await house.manager.create(draft_of("other"))

    names = [entry["id"] for entry in house.gateway.list_models(LOCAL_ADMINISTRATOR)]

    assert names == ["demo", "demo/one", "demo/two"]
    assert house.gateway.get_model(LOCAL_ADMINISTRATOR, "demo/two")["owned_by"] == "demo"
    with pytest.raises(ModelNotFoundError):
        house.gateway.get_model(LOCAL_ADMINISTRATOR, "demo/three")
