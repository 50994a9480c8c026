"""RATE_LIMIT_REQUESTS within RATE_LIMIT_WINDOW, told in OpenAI's headers."""

from __future__ import annotations

import pytest

from tests.contract.conftest import run_gateway


async def test_one_more_than_allowed_is_told_when_to_come_again(tmp_path):
    async with run_gateway(tmp_path, rate_limit_requests=2, rate_limit_window=60) as gateway:
        await gateway.started()

        got = [await gateway.ask() for _ in range(3)]

    assert [answer.status_code for answer in got] == [200, 200, 429]
    assert got[1].headers["x-ratelimit-remaining-requests"] == "0"
    assert got[2].json()["error"]["code"] == "rate_limited"
    assert 50 < int(got[2].headers["retry-after"]) <= 60


async def test_managing_endpoints_is_not_limited(tmp_path):
    async with run_gateway(tmp_path, rate_limit_requests=1, rate_limit_window=60) as gateway:
        got = [(await gateway.rest.get("/v1/models")).status_code for _ in range(3)]

    assert got == [200, 200, 200]


@pytest.mark.parametrize(
    ("trusted_proxies", "statuses"),
    [((), [200, 429, 429]), (("10.0.0.0/8",), [200, 429, 429]), (("127.0.0.0/8",), [200, 200, 200])],
    ids=["nobody", "somebody else", "who connects"],
)
async def test_a_forwarded_address_counts_only_where_its_proxy_is_trusted(
    tmp_path, trusted_proxies, statuses
):
    settings = {"rate_limit_requests": 1, "rate_limit_window": 60, "trusted_proxies": trusted_proxies}
    async with run_gateway(tmp_path, **settings) as gateway:
        await gateway.started()
        body = {"model": "demo", "messages": [{"role": "user", "content": "Hi"}]}
        got = [
            await gateway.rest.post(
                "/v1/chat/completions", json=body, headers={"x-forwarded-for": f"1.2.3.{n}"}
            )
            for n in range(3)
        ]

    assert [answer.status_code for answer in got] == statuses
