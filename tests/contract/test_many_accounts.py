"""Many accounts at one real site: none is asked more than it may be, none is left out, and every request is answered."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import anyio
import httpx
import pytest

from backend.providers.registry import open_providers
from tests.contract.conftest import RunningGateway, run_gateway
from tests.fakes.chat_site import FakeChatSite, profile_data

pytestmark = pytest.mark.browser


@asynccontextmanager
async def open_with_accounts(
    data_dir: Path, site: FakeChatSite, count: int, *, at_once: int, most: int, period_s: float
) -> AsyncIterator[RunningGateway]:
    """Run a gateway whose endpoint has ``count`` accounts, each with its own password at the site."""
    site.passwords = {f"user-{number}": f"secret-{number}" for number in range(count)}
    async with run_gateway(data_dir, providers=open_providers, max_pages=count + 2) as gateway:
        await gateway.create(
            base_url=site.url,
            profile=profile_data("login"),
            max_concurrent_requests=at_once,
            max_requests_per_period=most,
            period_seconds=period_s,
        )
        for username, password in site.passwords.items():
            body = {"username": username, "password": password}
            await gateway.rest.post("/api/endpoints/demo/accounts", json=body)
        await gateway.rest.post("/api/endpoints/demo/start")
        await gateway.wait_for("demo", "active")
        yield gateway


async def ask_all(gateway: RunningGateway, count: int, at_once: int) -> list[httpx.Response]:
    places = asyncio.Semaphore(at_once)

    async def one(number: int) -> httpx.Response:
        async with places:
            return await gateway.ask(f"[[echo:answer {number}]]", conversation="new")

    gateway.rest.timeout = httpx.Timeout(300)
    return await asyncio.gather(*(one(number) for number in range(count)))


def most_within(site: FakeChatSite, period_s: float) -> dict[str, int]:
    """Return for each account the most requests that the site got within any period."""
    times = defaultdict(list)
    for request in site.requests:
        times[request.user].append(request.received_s)
    return {
        user: max(sum(start <= at < start + period_s for at in got) for start in got)
        for user, got in times.items()
    }


def assert_all_answered(answers: list[httpx.Response]) -> None:
    assert Counter(answer.status_code for answer in answers) == {200: len(answers)}
    texts = [answer.json()["choices"][0]["message"]["content"] for answer in answers]
    assert texts == [f"answer {number}" for number in range(len(answers))]


async def test_accounts_share_the_load_within_their_limits_though_one_is_muted_meanwhile(tmp_path):
    async with FakeChatSite.open() as site:
        async with open_with_accounts(tmp_path, site, 3, at_once=3, most=4, period_s=5) as gateway:
            asking = asyncio.create_task(ask_all(gateway, 18, at_once=6))
            await site.wait_for(lambda s: len(s.requests) >= 6, timeout_s=60)
            site.muted.add("user-1")
            answers = await asking
            accounts = (await gateway.rest.get("/api/endpoints/demo/accounts")).json()
        answered = Counter(request.user for request in site.requests if request.ended == "done")

    assert_all_answered(answers)
    # The clocks of both ends differ by the time that a prompt takes to be entered.
    assert max(most_within(site, 4.5).values()) <= 4
    assert set(answered) == {"user-0", "user-1", "user-2"}
    assert [one["state"] for one in accounts] == ["idle", "rate_limited", "idle"]
    assert sorted(user for user, _ in site.sign_ins) == ["user-0", "user-1", "user-2"]


async def test_no_more_turns_run_at_once_than_the_machine_may_hold_and_the_rest_wait_in_sight(tmp_path):
    async with (
        FakeChatSite.open() as site,
        run_gateway(tmp_path, providers=open_providers, max_streaming=1) as gateway,
    ):
        await gateway.started(base_url=site.url, profile=profile_data("fetch-sse"), max_concurrent_requests=2)
        asking = [asyncio.create_task(gateway.ask(f"[[gate]][[echo:{name}]]")) for name in "ab"]
        await site.wait_for(lambda s: any(r.is_at_gate for r in s.requests), timeout_s=60)
        with anyio.fail_after(200):
            while not (await gateway.rest.get("/ready")).json()["browser"]["waiting_to_stream"]:
                await anyio.lowlevel.checkpoint()
        waiting = len(site.requests)
        site.release()
        await site.wait_for(lambda s: len(s.requests) == 2 and s.requests[1].is_at_gate, timeout_s=60)
        site.release()
        answers = await asyncio.gather(*asking)

    assert waiting == 1
    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_twenty_accounts_answer_three_hundred_requests_with_three_of_them_muted(tmp_path):
    async with FakeChatSite.open() as site:
        async with open_with_accounts(tmp_path, site, 20, at_once=20, most=10, period_s=60) as gateway:
            asking = asyncio.create_task(ask_all(gateway, 300, at_once=40))
            await site.wait_for(lambda s: len(s.requests) >= 100, timeout_s=300)
            site.muted.update({"user-3", "user-9", "user-15"})
            answers = await asking
        answered = Counter(request.user for request in site.requests if request.ended == "done")
        within = most_within(site, 58)
        times = sorted(request.received_s for request in site.requests)

    print(f"{len(site.requests)} requests in {times[-1] - times[0]:.0f} s")
    print(f"most within a minute: {max(within.values())}; answered by account: {sorted(answered.values())}")
    print(f"longest pause between two requests: {max(b - a for a, b in pairwise(times)):.1f} s")
    assert_all_answered(answers)
    assert max(within.values()) <= 10
    assert len(answered) == 20
    assert min(answered.values()) >= 3
