"""Endpoints over REST: create, change, delete, start, stop, come back after a restart."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import anyio
import pytest

from automation.errors import (
    BrowserUnavailableError,
    ChallengeRequiredError,
    PageLostError,
    SignInRequiredError,
    SiteChangedError,
    UnreachableError,
)
from automation.turn import TextDelta
from backend.endpoints import supervisor as serving
from backend.providers.protocol import ProviderHealth
from tests.contract.conftest import PROFILE, run_gateway
from tests.fakes.scripted_provider import DONE, ScriptedSite, plays, says

SECRETS = {
    "username": "ada",
    "password": "hunter2",
    "api_key": "sk-endpoint",
    "browser_config": {"proxy": {"server": "http://proxy:1", "username": "p", "password": "proxy-secret"}},
}


@pytest.fixture
def no_back_off(monkeypatch):
    monkeypatch.setattr(serving, "back_off_s", lambda _attempt: 0.0)


async def test_an_endpoint_is_created_inactive_with_the_slug_of_its_name(gateway):
    got = await gateway.create("DeepSeek Web Chat")

    assert got.status_code == 201
    document = got.json()
    assert (document["id"], document["slug"]) == ("deepseek-web-chat", "deepseek-web-chat")
    assert (document["name"], document["state"]) == ("DeepSeek Web Chat", "inactive")
    assert [e["id"] for e in (await gateway.rest.get("/api/endpoints/")).json()] == ["deepseek-web-chat"]


async def test_secrets_are_in_no_response_and_in_no_file(gateway, tmp_path):
    created = await gateway.create(**SECRETS)
    await gateway.rest.patch("/api/endpoints/demo", json={"weight": 2})
    texts = [
        created.text,
        (await gateway.rest.get("/api/endpoints/demo")).text,
        (await gateway.rest.get("/api/endpoints/")).text,
        (await gateway.rest.get("/ready")).text,
    ]

    stored = b"".join(path.read_bytes() for path in Path(tmp_path).glob("parley.db*"))

    assert created.json()["has_credentials"]
    assert created.json()["browser_config"]["proxy"] == {"server": "http://proxy:1", "username": "p"}
    for secret in ("hunter2", "sk-endpoint", "proxy-secret"):
        assert all(secret not in text for text in texts)
        assert secret.encode() not in stored


async def test_the_provider_is_given_the_secrets(gateway):
    await gateway.started(**SECRETS)

    config = gateway.site.configs[0]

    assert config.password.get_secret_value() == "hunter2"
    assert config.browser_config.proxy.password.get_secret_value() == "proxy-secret"


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"base_url": "ftp://x/"}, 400, "invalid_request", "base_url"),
        ({"base_url": "http://user:pw@x/"}, 400, "invalid_request", "base_url"),
        ({"base_url": "http://[x/"}, 400, "invalid_request", "base_url"),
        ({"provider_type": "api_token", "preset": "openai"}, 400, "invalid_request", "api_key"),
        ({"provider_type": "carrier_pigeon"}, 400, "invalid_request", "provider_type"),
        ({"wieght": 1}, 400, "invalid_request", "wieght"),
        ({"name": "???"}, 400, "invalid_request", "name"),
        ({"name": "Endpoints"}, 400, "invalid_request", "name"),
        (
            {"browser_config": {"viewport": {"width": 0, "height": 1}}},
            400,
            "invalid_request",
            "browser_config.viewport.width",
        ),
        ({"profile": None}, 422, "profile_invalid", "profile"),
        ({"profile": "auto"}, 422, "profile_invalid", "profile"),
        ({"profile": "missing"}, 422, "profile_invalid", "profile"),
        ({"profile": {**PROFILE, "nonsense": True}}, 422, "profile_invalid", "profile"),
    ],
)
async def test_a_draft_that_cannot_work_is_refused_before_anything_starts(
    gateway, fields, status, code, param
):
    got = await gateway.create(**{"name": "Demo", **fields})

    error = got.json()["error"]
    assert (got.status_code, error["code"], error["param"]) == (status, code, param), got.text
    assert (await gateway.rest.get("/api/endpoints/")).json() == []


async def test_a_bad_profile_file_is_named_with_key_and_line(gateway, tmp_path):
    (tmp_path / "mine.yaml").write_text("input: textarea\nassistant_turn: .a\nsned: button\n")

    got = await gateway.create(profile="mine")

    assert got.status_code == 422
    assert got.json()["error"]["message"].startswith("mine.yaml:3: sned:")


async def test_a_taken_name_is_refused_even_without_a_profile(gateway):
    await gateway.create("Demo")

    got = await gateway.create("demo!", profile=None)

    assert (got.status_code, got.json()["error"]["code"]) == (409, "name_taken")


@pytest.mark.parametrize("path", ["", "/health", "/metrics", "/events"])
async def test_an_unknown_endpoint_is_a_404(gateway, path):
    got = await gateway.rest.get(f"/api/endpoints/nobody{path}")

    assert (got.status_code, got.json()["error"]["code"]) == (404, "endpoint_not_found")


async def test_a_patch_changes_one_field_and_null_brings_the_default_back(gateway):
    await gateway.create(weight=3, timeout_seconds=10, **SECRETS)

    patched = (
        await gateway.rest.patch("/api/endpoints/demo", json={"weight": None, "timeout_seconds": 20})
    ).json()

    assert (patched["weight"], patched["timeout_seconds"]) == (1.0, 20)
    assert patched["has_credentials"]


async def test_a_patch_of_the_browser_keeps_the_proxys_password(gateway):
    await gateway.create(**SECRETS)

    await gateway.rest.patch("/api/endpoints/demo", json={"browser_config": {"locale": "de-DE"}})
    await gateway.rest.post("/api/endpoints/demo/start")
    await gateway.wait_for("demo", "active")

    browser = gateway.site.configs[0].browser_config
    assert browser.locale == "de-DE"
    assert browser.proxy.password.get_secret_value() == "proxy-secret"


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"weight": -1}, 400, "weight"),
        ({"nonsense": 1}, 400, "nonsense"),
        ({"profile": "missing"}, 422, "profile"),
    ],
)
async def test_a_bad_patch_changes_nothing(gateway, change, status, param):
    before = (await gateway.create()).json()

    got = await gateway.rest.patch("/api/endpoints/demo", json=change)

    assert (got.status_code, got.json()["error"]["param"]) == (status, param)
    assert (await gateway.rest.get("/api/endpoints/demo")).json() == before


async def test_a_patch_restarts_a_running_endpoint_only_if_it_must(gateway):
    await gateway.started()

    await gateway.rest.patch("/api/endpoints/demo", json={"weight": 5, "default_model": "x"})
    openings_before = len(gateway.site.configs)
    await gateway.rest.patch("/api/endpoints/demo", json={"base_url": "http://127.0.0.1:2/"})
    await gateway.wait_for("demo", "active")

    assert openings_before == 1
    assert [c.base_url for c in gateway.site.configs] == ["http://127.0.0.1:1/", "http://127.0.0.1:2/"]
    assert gateway.site.providers_open == 1


async def test_deleting_a_running_endpoint_closes_it_first(gateway):
    await gateway.started()

    got = await gateway.rest.delete("/api/endpoints/demo")

    assert got.status_code == 204
    assert gateway.site.providers_open == 0
    assert (await gateway.rest.get("/api/endpoints/demo")).status_code == 404
    assert (await gateway.create()).status_code == 201


async def test_starting_a_running_endpoint_is_refused(gateway):
    await gateway.started()

    got = await gateway.rest.post("/api/endpoints/demo/start")

    assert (got.status_code, got.json()["error"]["code"]) == (409, "already_running")


async def test_a_stopped_endpoint_answers_409_and_is_not_listed(gateway):
    await gateway.started()

    stopped = await gateway.rest.post("/api/endpoints/demo/stop")
    got = await gateway.ask()

    assert stopped.json()["state"] == "inactive"
    assert (got.status_code, got.json()["error"]["code"]) == (409, "endpoint_not_running")
    assert got.headers["x-should-retry"] == "false"
    assert (await gateway.rest.get("/v1/models")).json()["data"] == []
    assert (await gateway.rest.post("/api/endpoints/demo/stop")).status_code == 200


async def test_stopping_ends_the_turns_that_run(gateway):
    gateway.site.script = plays(TextDelta("word"), anyio.Event())
    await gateway.started()
    streaming = asyncio.create_task(gateway.ask(stream=True))
    unary = asyncio.create_task(gateway.ask())
    await gateway.wait_for("demo", "busy")
    with anyio.fail_after(200):
        while len(gateway.site.prompts) < 2:
            await anyio.lowlevel.checkpoint()

    await gateway.rest.post("/api/endpoints/demo/stop")

    assert (await unary).json()["error"]["code"] == "endpoint_not_running"
    late = (await streaming).text
    assert "endpoint_not_running" in late
    assert "[DONE]" not in late
    assert (gateway.site.turns_open, gateway.site.stopped_turns, gateway.site.providers_open) == (0, 2, 0)


async def test_an_endpoint_is_busy_while_a_turn_runs(gateway):
    more = anyio.Event()
    gateway.site.script = plays(more, TextDelta("x"), DONE)
    await gateway.started()
    request = asyncio.create_task(gateway.ask())

    busy = await gateway.wait_for("demo", "busy")
    more.set()
    await request

    assert busy["turns_running"] == 1
    assert (await gateway.wait_for("demo", "active"))["turns_running"] == 0


async def test_stopping_while_opening_interrupts_the_opening(gateway):
    gateway.site.opening_held = anyio.Event()
    await gateway.create()
    started = await gateway.rest.post("/api/endpoints/demo/start")

    with anyio.fail_after(200):
        stopped = await gateway.rest.post("/api/endpoints/demo/stop")

    assert started.json()["state"] == "initializing"
    assert stopped.json()["state"] == "inactive"


async def test_a_request_waits_for_an_endpoint_that_is_being_opened(gateway):
    gateway.site.opening_held = anyio.Event()
    await gateway.create()
    await gateway.rest.post("/api/endpoints/demo/start")
    request = asyncio.create_task(gateway.ask())

    gateway.site.opening_held.set()

    assert (await request).status_code == 200


@pytest.mark.parametrize(
    ("error", "state", "status", "code"),
    [
        (SignInRequiredError("wrong password"), "authentication_required", 503, "sign_in_required"),
        (ChallengeRequiredError("captcha"), "authentication_required", 503, "challenge_required"),
        (UnreachableError("http://127.0.0.1:1/", "connection refused"), "error", 409, "endpoint_not_running"),
        (BrowserUnavailableError("install chromium"), "error", 409, "endpoint_not_running"),
        (RuntimeError("bug"), "error", 409, "endpoint_not_running"),
    ],
)
async def test_an_endpoint_that_cannot_open_says_why(gateway, error, state, status, code):
    gateway.site.opening_failures = [error]
    await gateway.create(retry_attempts=0)
    await gateway.rest.post("/api/endpoints/demo/start")

    document = await gateway.wait_for("demo", state)
    got = await gateway.ask()

    assert document["state_reason"] == str(error)
    assert (got.status_code, got.json()["error"]["code"]) == (status, code)


async def test_an_endpoint_in_trouble_can_be_started_again(gateway):
    gateway.site.opening_failures = [SignInRequiredError("wrong password")]
    await gateway.create()
    await gateway.rest.post("/api/endpoints/demo/start")
    await gateway.wait_for("demo", "authentication_required")

    again = await gateway.rest.post("/api/endpoints/demo/start")
    await gateway.wait_for("demo", "active")

    assert again.status_code == 200
    assert (await gateway.ask()).status_code == 200


@pytest.mark.usefixtures("no_back_off")
async def test_opening_is_tried_again_a_bounded_number_of_times(gateway):
    failures = [UnreachableError("http://x/", f"try {n}") for n in range(10)]
    gateway.site.opening_failures = failures.copy()
    await gateway.create(retry_attempts=2)
    await gateway.rest.post("/api/endpoints/demo/start")

    with anyio.fail_after(200):
        while len(gateway.site.configs) < 3:
            await anyio.lowlevel.checkpoint()
    document = await gateway.wait_for("demo", "error")

    assert "try 2" in document["state_reason"]
    assert len(gateway.site.configs) == 3


@pytest.mark.usefixtures("no_back_off")
async def test_a_provider_that_ends_by_itself_is_opened_again_and_its_turns_fail(gateway):
    gateway.site.script = plays(TextDelta("word"), anyio.Event())
    await gateway.started()
    request = asyncio.create_task(gateway.ask())
    await gateway.wait_for("demo", "busy")

    gateway.site.crash(PageLostError("the browser went away"))
    failed = await request
    await gateway.wait_for("demo", "active")
    gateway.site.script = says("back")

    assert (failed.status_code, failed.json()["error"]["code"]) == (502, "site_error")
    assert (await gateway.ask()).json()["choices"][0]["message"]["content"] == "back"


async def test_signing_out_in_mid_use_refuses_further_turns_until_a_check_is_good(gateway):
    gateway.site.script = plays(SignInRequiredError("session expired"))
    await gateway.started()
    first, second = await gateway.ask(), await gateway.ask()
    state = await gateway.state()

    health = (await gateway.rest.get("/api/endpoints/demo/health")).json()
    gateway.site.script = says("back")

    assert [r.status_code for r in (first, second)] == [503, 503]
    assert state == "authentication_required"
    assert len(gateway.site.prompts) == 1, "a signed-out site was asked again"
    assert (health["status"], health["state"]) == ("healthy", "active")
    assert (await gateway.ask()).status_code == 200


async def test_an_idle_endpoint_is_checked_in_its_interval(gateway):
    gateway.site.health = ProviderHealth(is_healthy=False, reason="the input is gone")
    await gateway.started(health_check_interval=1)

    document = await gateway.wait_for("demo", "error")

    assert document["state_reason"] == "the input is gone"


async def test_health_of_a_stopped_endpoint_is_not_healthy(gateway):
    await gateway.create()

    health = (await gateway.rest.get("/api/endpoints/demo/health")).json()

    assert (health["status"], health["state"]) == ("unhealthy", "inactive")


async def test_the_test_route_answers_in_its_documented_shape(gateway):
    await gateway.started()

    got = await gateway.rest.post("/api/endpoints/demo/test", json={"message": "ping"})

    document = got.json()
    assert got.status_code == 200
    assert set(document) == {"id", "provider", "model", "response", "usage", "session"}
    assert (document["provider"], document["model"]) == ("demo", "demo")
    assert (document["response"]["content"], document["response"]["type"]) == ("ping", "text")
    assert document["usage"] == {"input_tokens": 1, "output_tokens": 1, "cost": 0.0}
    assert set(document["session"]) == {"id", "persistent"}


async def test_the_test_route_of_a_stopped_endpoint_is_a_409(gateway):
    await gateway.create()

    got = await gateway.rest.post("/api/endpoints/demo/test", json={"message": "ping"})

    assert (got.status_code, got.json()["error"]["code"]) == (409, "endpoint_not_running")


async def test_events_tell_every_change_of_state(gateway):
    await gateway.create()
    seen: list[str] = []

    async with gateway.rest.stream("GET", "/api/endpoints/demo/events") as events:
        async for line in events.aiter_lines():
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: "))["state"])
                if seen == ["inactive"]:
                    await gateway.rest.post("/api/endpoints/demo/start")
                if seen[-1] == "active":
                    break

    assert seen == ["inactive", "initializing", "active"]


async def test_metrics_count_turns_by_how_they_ended(gateway):
    await gateway.started()
    await gateway.ask()
    gateway.site.script = plays(PageLostError("gone"))
    await gateway.ask()

    counts = (await gateway.rest.get("/api/endpoints/demo/metrics")).json()

    assert (counts["turns_finished"], counts["turns_failed"]) == (1, 1)
    assert counts["failures"] == {"PageLostError": 1}
    assert counts["duration_p50_s"] >= 0


async def test_started_endpoints_come_back_after_a_restart_and_stopped_ones_do_not(tmp_path, database_url):
    site = ScriptedSite()
    async with run_gateway(tmp_path, site, database_url=database_url, secret_key="mine") as gateway:
        await gateway.started("One", password="hunter2", model_mapping={"gpt-4": "m"}, default_model="m")
        await gateway.started("Two")
        await gateway.create("Three")
        await gateway.rest.post("/api/endpoints/two/stop")

    site = ScriptedSite()
    async with run_gateway(tmp_path, site, database_url=database_url, secret_key="mine") as gateway:
        await gateway.wait_for("one", "active")
        states = {e["id"]: e["state"] for e in (await gateway.rest.get("/api/endpoints/")).json()}

        assert states == {"one": "active", "two": "inactive", "three": "inactive"}
        assert [c.slug for c in site.configs] == ["one"]
        assert site.configs[0].password is not None
        assert site.configs[0].password.get_secret_value() == "hunter2"
        assert (await gateway.ask(model="gpt-4")).json()["model"] == "one/m"


async def test_endpoints_are_created_changed_and_deleted_on_every_database(tmp_path, database_url):
    async with run_gateway(tmp_path, ScriptedSite(), database_url=database_url) as gateway:
        await gateway.create("One", **SECRETS)
        await gateway.create("Two")
        await gateway.rest.patch("/api/endpoints/one", json={"name": "Uno", "weight": 4})
        await gateway.rest.delete("/api/endpoints/two")
        taken = await gateway.create("One")

    async with run_gateway(tmp_path, ScriptedSite(), database_url=database_url) as gateway:
        (document,) = (await gateway.rest.get("/api/endpoints/")).json()

    assert taken.status_code == 409
    assert (document["id"], document["name"], document["weight"]) == ("one", "Uno", 4)
    assert re.match(r"\d{4}-\d\d-\d\dT.*\+00:00$", document["created_at"])


async def test_restarting_opens_the_endpoint_anew(gateway):
    await gateway.started()

    restarted = await gateway.rest.post("/api/endpoints/demo/restart")
    await gateway.wait_for("demo", "active")

    assert restarted.json()["state"] == "initializing"
    assert len(gateway.site.configs) == 2
    assert gateway.site.providers_open == 1


async def test_a_check_that_fails_is_not_healthy_and_says_why(gateway):
    await gateway.started()
    gateway.site.health = PageLostError("the page is gone")

    health = (await gateway.rest.get("/api/endpoints/demo/health")).json()

    assert (health["status"], health["reason"]) == ("unhealthy", "the page is gone")


@pytest.mark.parametrize("second", ["start", "stop", "restart", "delete"])
async def test_commands_that_come_together_are_done_one_after_the_other(gateway, second):
    await gateway.create()
    path = f"/api/endpoints/demo/{second}" if second != "delete" else "/api/endpoints/demo"
    method = "DELETE" if second == "delete" else "POST"

    answers = await asyncio.gather(
        gateway.rest.post("/api/endpoints/demo/start"), gateway.rest.request(method, path)
    )

    assert all(a.status_code in (200, 204, 404, 409) for a in answers), [a.text for a in answers]
    assert gateway.site.providers_open <= 1


async def test_stopping_while_waiting_to_try_again_ends_the_tries(gateway, monkeypatch):
    monkeypatch.setattr(serving, "back_off_s", lambda _attempt: 3600.0)
    gateway.site.opening_failures = [UnreachableError("http://x/", "refused")]
    await gateway.create()
    await gateway.rest.post("/api/endpoints/demo/start")
    await gateway.wait_for("demo", "error")

    with anyio.fail_after(200):
        stopped = await gateway.rest.post("/api/endpoints/demo/stop")

    assert stopped.json()["state"] == "inactive"
    assert len(gateway.site.configs) == 1


async def test_a_success_beside_a_failure_leaves_the_endpoint_busy_and_then_active(gateway):
    more = anyio.Event()
    gateway.site.script = plays(TextDelta("x"), more, DONE)
    await gateway.started()
    running = [asyncio.create_task(gateway.ask()) for _ in range(2)]
    with anyio.fail_after(200):
        while gateway.site.turns_open < 2:
            await anyio.lowlevel.checkpoint()
    running[0].cancel()
    with anyio.fail_after(200):
        await gateway.site.left_early.wait()

    busy = await gateway.state()
    more.set()
    await running[1]

    assert busy == "busy"
    assert (await gateway.wait_for("demo", "active"))["turns_running"] == 0


async def test_health_checks_find_a_mended_endpoint(gateway):
    gateway.site.script = plays(SiteChangedError("input", "composing"))
    await gateway.started(health_check_interval=1)
    await gateway.ask()
    before = await gateway.state()

    await gateway.wait_for("demo", "active")

    assert before == "error"


async def test_a_failure_that_comes_after_the_stop_leaves_the_endpoint_stopped(gateway):
    gateway.site.script = plays(TextDelta("word"), anyio.Event())
    gateway.site.tidying_failure = SiteChangedError("stop", "stopping")
    await gateway.started()
    request = asyncio.create_task(gateway.ask())
    await gateway.wait_for("demo", "busy")

    await gateway.rest.post("/api/endpoints/demo/stop")
    await request

    assert await gateway.state() == "inactive"
