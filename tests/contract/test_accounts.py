"""The accounts of an endpoint over REST."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from automation.errors import RateLimitedError, SignInRequiredError
from backend.providers.config import EndpointConfig
from backend.providers.kinds import AccountStores, OpenedProviders
from backend.providers.protocol import PageProvider
from backend.providers.web_chat.account_pool_provider import open_account_pool
from backend.providers.web_chat.opener import build_account_pool_plan
from backend.settings import Settings
from tests.contract.conftest import RunningGateway, run_gateway
from tests.fakes.scripted_accounts import ScriptedAccounts
from tests.fakes.scripted_provider import plays

STATE = {"cookies": [{"name": "sid", "value": "cookie-secret", "domain": "127.0.0.1"}], "origins": []}
SECRETS = {"username": "ada", "password": "hunter2", "totp_secret": "JBSWY3DPEHPK3PXP"}


@pytest.fixture
def accounts() -> ScriptedAccounts:
    return ScriptedAccounts()


@pytest.fixture
async def gateway(tmp_path: Path, accounts: ScriptedAccounts):
    async with open_gateway(tmp_path, accounts) as running:
        yield running


@asynccontextmanager
async def open_gateway(data_dir: Path, accounts: ScriptedAccounts) -> AsyncIterator[RunningGateway]:
    @asynccontextmanager
    async def open_providers(_settings: Settings, stores: AccountStores) -> AsyncIterator[OpenedProviders]:
        @asynccontextmanager
        async def open_one(config: EndpointConfig) -> AsyncIterator[PageProvider]:
            async with open_account_pool(build_account_pool_plan(config, accounts), stores.accounts) as fleet:
                yield fleet

        yield OpenedProviders({}, lambda _: None, dict, {"web_chat": open_one})

    async with run_gateway(data_dir, providers=open_providers) as running:
        yield running


async def add(gateway: RunningGateway, **body: object) -> dict[str, object]:
    got = await gateway.rest.post("/api/endpoints/demo/accounts", json=body)
    assert got.status_code == 201, got.text
    document: dict[str, object] = got.json()
    return document


async def listed(gateway: RunningGateway) -> list[dict[str, object]]:
    got: list[dict[str, object]] = (await gateway.rest.get("/api/endpoints/demo/accounts")).json()
    return got


async def test_accounts_are_added_before_the_endpoint_starts_and_take_its_turns_once_it_runs(gateway):
    await gateway.create()
    first = await add(gateway, username="ada", password="x", max_requests_per_period=5)
    second = await add(gateway, username="grace", password="x", max_requests_per_period=5)

    await gateway.rest.post("/api/endpoints/demo/start")
    await gateway.wait_for("demo", "active")
    answers = {(await gateway.ask()).json()["choices"][0]["message"]["content"] for _ in range(2)}

    assert answers == {first["id"], second["id"]}
    assert [(one["id"], one["state"], one["requests_left"]) for one in await listed(gateway)] == [
        (first["id"], "idle", 4),
        (second["id"], "idle", 4),
    ]


async def test_a_running_endpoint_uses_an_added_account_at_once_and_a_removed_one_no_more(gateway):
    await gateway.started()
    assert [one["id"] for one in await listed(gateway)] == ["default"]

    one = await add(gateway, username="ada", password="x")
    assert [a["id"] for a in await listed(gateway)] == [one["id"]]
    assert (await gateway.ask()).json()["choices"][0]["message"]["content"] == one["id"]

    deleted = await gateway.rest.delete(f"/api/endpoints/demo/accounts/{one['id']}")
    assert deleted.status_code == 204
    assert (await gateway.ask()).json()["choices"][0]["message"]["content"] == "default"


async def test_secrets_are_in_no_response_and_in_no_file(gateway, tmp_path):
    await gateway.create()
    one = await add(gateway, **SECRETS, storage_state=STATE)
    url = f"/api/endpoints/demo/accounts/{one['id']}"
    texts = [str(one), (await gateway.rest.get(url)).text, (await gateway.rest.patch(url, json={})).text]

    stored = b"".join(path.read_bytes() for path in Path(tmp_path).glob("parley.db*"))

    assert (one["has_password"], one["has_totp_secret"]) == (True, True)
    for secret in ("hunter2", "JBSWY3DPEHPK3PXP", "cookie-secret"):
        assert all(secret not in text for text in texts)
        assert secret.encode() not in stored


async def test_a_session_goes_out_and_in(gateway, accounts):
    await gateway.create()
    one = await add(gateway, cookies=STATE["cookies"])
    url = f"/api/endpoints/demo/accounts/{one['id']}/session"

    closed = await gateway.rest.get(url)
    assert closed.headers["cache-control"] == "no-store"
    assert closed.json()["cookies"][0]["value"] == "cookie-secret"

    await gateway.rest.post("/api/endpoints/demo/start")
    await gateway.wait_for("demo", "active")
    put = await gateway.rest.put(url, json=STATE)

    assert put.status_code == 204
    assert accounts.sessions[str(one["id"])]["cookies"][0]["name"] == "sid"
    assert (await gateway.rest.get(url)).json() == accounts.sessions[str(one["id"])]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"storage_state": {"cookies": "x"}}, "cookies"),
        ({"cookies": [{"name": "a", "value": "b", "domain": "other.org"}]}, "cookies.0.domain"),
        ({"storage_state": STATE, "cookies": []}, "storage_state"),
        ({"max_requests_per_period": 0}, "max_requests_per_period"),
        ({"pasword": "x"}, "pasword"),
        ({}, "username"),
        ({"username": "ada"}, "password"),
        ({"username": "a\x00b", "password": "x"}, "username"),
        ({"username": "ada", "password": ""}, "password"),
        ({"username": "ada", "password": "x", "totp_secret": "not base32"}, "totp_secret"),
        ({"storage_state": {"origins": [{"origin": "http://["}]}}, "origins.0.origin"),
    ],
)
async def test_an_account_that_can_not_be_added_is_refused_by_its_field_and_nothing_is_kept(
    gateway, body, param
):
    await gateway.create()

    got = await gateway.rest.post("/api/endpoints/demo/accounts", json=body)

    assert (got.status_code, got.json()["error"]["param"]) == (400, param)
    assert [one["id"] for one in await listed(gateway)] == ["default"]


async def test_accounts_that_are_not_there_and_the_endpoints_own_one_are_told_apart(gateway):
    await gateway.create(username="ada", password="x")

    gone = await gateway.rest.get("/api/endpoints/demo/accounts/acc_0")
    own = await gateway.rest.delete("/api/endpoints/demo/accounts/default")
    nowhere = await gateway.rest.get("/api/endpoints/other/accounts")

    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "account_not_found")
    assert (own.status_code, own.json()["error"]["param"]) == (400, "id")
    assert "PATCH /api/endpoints/demo" in own.json()["error"]["message"]
    assert nowhere.json()["error"]["code"] == "endpoint_not_found"


async def test_an_account_that_needs_a_person_says_where_and_a_changed_password_puts_it_right(
    gateway, accounts
):
    await gateway.create()
    one = await add(gateway, username="ada", password="wrong")
    accounts.opening_failures[str(one["id"])] = [SignInRequiredError("the site said: wrong password")]
    await gateway.rest.post("/api/endpoints/demo/start")
    document = await gateway.wait_for("demo", "authentication_required")

    refused = await gateway.ask()
    assert "wrong password" in document["state_reason"]
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "sign_in_required")
    assert refused.json()["error"]["action_url"] == f"/sign-in/demo/{one['id']}"
    assert (await listed(gateway))[0]["state"] == "need_login"

    await gateway.rest.patch(f"/api/endpoints/demo/accounts/{one['id']}", json={"password": "right"})
    await gateway.wait_for("demo", "active")
    assert (await gateway.ask()).status_code == 200


async def test_a_limited_account_is_listed_with_its_time_and_still_rests_after_a_restart(tmp_path, accounts):
    async with open_gateway(tmp_path, accounts) as gateway:
        await gateway.create()
        one = await add(gateway, username="ada", password="x")
        accounts.scripts[str(one["id"])] = plays(RateLimitedError("slow down", 300))
        await gateway.rest.post("/api/endpoints/demo/start")
        await gateway.wait_for("demo", "active")
        assert (await gateway.ask()).status_code == 429
        [limited] = await listed(gateway)

    async with open_gateway(tmp_path, accounts) as gateway:
        await gateway.wait_for("demo", "rate_limited")
        again = await gateway.ask()

    assert (limited["state"], bool(limited["state_until"])) == ("rate_limited", True)
    assert again.status_code == 429
    assert 200 < int(again.headers["retry-after"]) <= 300


async def signed_out(gateway: RunningGateway, accounts: ScriptedAccounts) -> str:
    """Start an endpoint whose one account needs a sign-in, and return the account's address."""
    accounts.opening_failures["default"] = [SignInRequiredError("no session")]
    await gateway.create()
    await gateway.rest.post("/api/endpoints/demo/start")
    await gateway.wait_for("demo", "authentication_required")
    return "/api/endpoints/demo/accounts/default"


async def test_the_live_views_socket_by_plain_http_is_no_link_that_was_used(gateway):
    answer = await gateway.rest.get("/live/socket")

    assert answer.status_code == 426
    assert answer.headers["upgrade"] == "websocket"


async def test_a_person_who_signs_an_account_in_brings_its_endpoint_back(gateway, accounts):
    account = await signed_out(gateway, accounts)

    started = await gateway.rest.post(f"{account}/sign-in", json={"mode": "interactive"})
    assert started.status_code == 201
    assert started.json()["live"]["path"].startswith("/live/")
    done = await gateway.rest.post(f"{account}/sign-in/complete")
    await gateway.wait_for("demo", "active")

    assert done.json()["state"] == "signed_in"
    assert (await gateway.ask()).json()["choices"][0]["message"]["content"] == "default"


async def test_a_cancelled_sign_in_leaves_the_account_as_it_was(gateway, accounts):
    account = await signed_out(gateway, accounts)
    await gateway.rest.post(f"{account}/sign-in", json={"mode": "interactive"})

    cancelled = await gateway.rest.post(f"{account}/sign-in/cancel")

    assert cancelled.json()["state"] == "cancelled"
    assert (await gateway.ask()).json()["error"]["code"] == "sign_in_required"


async def test_the_form_is_filled_again_when_somebody_asks_for_it(gateway, accounts):
    account = await signed_out(gateway, accounts)
    accounts.form_failures["default"] = [SignInRequiredError("still wrong")]

    await gateway.rest.post(f"{account}/sign-in", json={"mode": "form"})
    refused = await gateway.rest.post(f"{account}/sign-in/complete")
    await gateway.rest.post(f"{account}/sign-in", json={"mode": "form"})
    await gateway.wait_for("demo", "active")

    assert "still wrong" in refused.json()["error"]["message"]


async def test_there_is_nothing_to_sign_in_where_nothing_runs(gateway):
    await gateway.create()

    stopped = await gateway.rest.post("/api/endpoints/demo/accounts/default/sign-in", json={})
    unknown = await gateway.rest.post("/api/endpoints/demo/accounts/acc_0/sign-in", json={})

    assert (stopped.status_code, stopped.json()["error"]["code"]) == (409, "endpoint_not_running")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "account_not_found")


async def test_the_page_where_a_person_acts_is_there_and_runs_its_own_script_alone(gateway):
    page = await gateway.rest.get("/sign-in/demo/%3Cscript%3Ealert(1)")

    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]


async def test_another_person_does_not_get_the_session_of_the_one_before(gateway, accounts):
    await gateway.create()
    one = await add(gateway, username="ada", password="x")
    await gateway.rest.post("/api/endpoints/demo/start")
    await gateway.wait_for("demo", "active")
    accounts.sessions[str(one["id"])] = STATE

    await gateway.rest.patch(f"/api/endpoints/demo/accounts/{one['id']}", json={"max_requests_per_period": 7})
    assert accounts.sessions
    await gateway.rest.patch(f"/api/endpoints/demo/accounts/{one['id']}", json={"username": "grace"})

    assert accounts.sessions == {}


async def test_a_change_does_not_make_the_site_forget_what_an_account_was_asked(gateway):
    await gateway.create()
    one = await add(gateway, username="ada", password="x", max_requests_per_period=1, period_seconds=3600)
    await gateway.rest.post("/api/endpoints/demo/start")
    await gateway.wait_for("demo", "active")
    assert (await gateway.ask()).status_code == 200

    for change in ({"min_delay_between_requests": 1}, {"password": "y"}):
        await gateway.rest.patch(f"/api/endpoints/demo/accounts/{one['id']}", json=change)
        assert (await listed(gateway))[0]["requests_left"] == 0
        assert (await gateway.ask()).status_code == 429


async def test_an_endpoint_that_stops_in_the_middle_of_a_form_ends_nothing_else(gateway, accounts):
    account = await signed_out(gateway, accounts)
    accounts.form_held = anyio.Event()
    accounts.form_failures["default"] = [SignInRequiredError("wrong")]
    await gateway.rest.post(f"{account}/sign-in", json={"mode": "form"})

    await gateway.rest.post("/api/endpoints/demo/stop")
    accounts.form_held.set()
    refused = await gateway.rest.post(f"{account}/sign-in/complete")
    started = await gateway.rest.post("/api/endpoints/demo/start")
    await gateway.wait_for("demo", "active")

    assert refused.json()["error"]["code"] == "sign_in_required"
    assert started.status_code == 200
    assert (await gateway.ask()).status_code == 200


@pytest.mark.parametrize("how", ["stop", "restart", "delete"])
async def test_a_sign_in_ends_with_its_endpoint(gateway, accounts, how):
    account = await signed_out(gateway, accounts)
    await gateway.rest.post(f"{account}/sign-in", json={})

    url = "/api/endpoints/demo"
    await (gateway.rest.delete(url) if how == "delete" else gateway.rest.post(f"{url}/{how}"))

    assert (await gateway.rest.get(f"{account}/sign-in")).json()["state"] == "cancelled"
