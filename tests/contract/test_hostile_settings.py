"""Endpoints and rotations that nobody could keep or ask: each is refused by its field, and nothing of it stays."""

from __future__ import annotations

import json

import pytest

from tests.contract.conftest import run_gateway

API = {"provider_type": "rest_api", "base_url": "http://127.0.0.1:1/v1", "profile": None}
HALF = '"\\ud800"'
JSON = {"content-type": "application/json"}


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def format_param(got) -> object:
    assert "Traceback" not in got.text
    return got.json()["error"]["param"]


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("name", HALF, "name"),
        ("name", '"a\\u0000b"', "name"),
        ("username", '"\\u0000"', "username"),
        ("api_key", HALF, "api_key"),
        ("api_key", '"a\\nb: c"', "api_key"),
        ("models", f"[{HALF}]", "models.0"),
        ("model_mapping", f"{{{HALF}:1}}", "model_mapping.\\ud800"),
        ("headers", '{"a\\r\\nb":"c"}', "headers.a\r\nb"),
        ("headers", '{"a":"b\\r\\nc: d"}', "headers.a"),
        ("headers", '{"":"b"}', "headers."),
        ("headers", '{"Transfer-Encoding":"chunked"}', "headers.Transfer-Encoding"),
        ("headers", '{"content-length":"3"}', "headers.content-length"),
        ("weight", "1e300", "weight"),
        ("weight", "1e999", None),
        ("weight", "Infinity", None),
        ("timeout_seconds", "1e300", "timeout_seconds"),
        ("idle_seconds", "NaN", None),
        ("keep_alive_seconds", "1e300", "keep_alive_seconds"),
        ("challenge_wait_seconds", "1e300", "challenge_wait_seconds"),
        ("max_requests_per_minute", "9" * 400, "max_requests_per_minute"),
        ("disable_after_failures", "9" * 30, "disable_after_failures"),
        ("prices", '{"m":{"input":1e300}}', "prices.m.input"),
        ("fallbacks", json.dumps(["demo"] * 101), "fallbacks"),
        ("api", f'{{"request":{{"path":"/","body":{{"a":"{{{{prompt}}}}","x":{nested(900)}}}}}}}', None),
        ("base_url", '"http://127.0.0.1:1/?a=b"', "base_url"),
        ("base_url", '"http://127.0.0.1:1/#a"', "base_url"),
        ("base_url", '"http://127.0.0.1:1/ x"', "base_url"),
        ("base_url", '"http://a\\r\\nb/"', "base_url"),
        ("base_url", '"http://a..b/"', "base_url"),
        ("base_url", f'"http://{"a" * 300}/"', "base_url"),
        ("base_url", '"file:///etc/passwd"', "base_url"),
        ("browser_config", '{"proxy":{"server":"http://u:secret@p:1"}}', "browser_config.proxy.server"),
        ("browser_config", '{"proxy":{"server":"socks5://p:1"}}', "browser_config.proxy.server"),
        ("browser_config", '{"timeout":99999999999}', "browser_config.timeout"),
        ("browser_config", '{"proxy":{"server":"pac+http://p:1/x"}}', "browser_config.proxy.server"),
        ("browser_config", '{"proxy":{"server":"http=a;https=b"}}', "browser_config.proxy.server"),
        ("browser_config", '{"locale":"../../etc"}', "browser_config.locale"),
        ("browser_config", '{"locale":"de --x"}', "browser_config.locale"),
        ("browser_config", '{"timezone":"../../etc/passwd"}', "browser_config.timezone"),
        ("browser_config", '{"timezone":":/etc/passwd"}', "browser_config.timezone"),
        ("browser_config", '{"user_agent":"a\\r\\nb: c"}', "browser_config.user_agent"),
        ("browser_config", f'{{"user_agent":"{"a" * 2000}"}}', "browser_config.user_agent"),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("is_patch", [False, True], ids=["post", "patch"])
async def test_an_endpoint_that_could_not_be_kept_or_asked_is_refused(gateway, field, value, param, is_patch):
    await gateway.create("kept", **API)
    values = {} if is_patch else {"name": "other", **API}
    values.pop(field, None)
    known = json.dumps(values)[1:-1]
    body = f'{{{known}{"," * bool(known)}"{field}":{value}}}'

    got = await gateway.rest.request(
        "PATCH" if is_patch else "POST",
        "/api/endpoints/kept" if is_patch else "/api/endpoints/",
        content=body,
        headers=JSON,
    )

    assert (got.status_code, format_param(got)) == (400, param)
    assert "secret" not in got.text
    assert [e["slug"] for e in (await gateway.rest.get("/api/endpoints/")).json()] == ["kept"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ('{"name":"r\\u0000","providers":[{"provider_id":"demo"}]}', "name"),
        ('{"name":"r\\n","providers":[{"provider_id":"demo"}]}', "name"),
        (f'{{"name":"r","providers":[{{"provider_id":{HALF}}}]}}', "providers.0.provider_id"),
        ('{"name":"r","providers":[{"provider_id":"demo","weight":1e300}]}', "providers.0.weight"),
        ('{"name":"r","providers":[{"provider_id":"demo","weight":1e999}]}', None),
        (json.dumps({"name": "r", "providers": [{"provider_id": "demo"}] * 1_001}), "providers"),
        (
            json.dumps({"name": "r", "providers": [{"provider_id": "demo"}], "fallbacks": ["demo"] * 101}),
            "fallbacks",
        ),
        (f'{{"name":"r","providers":{nested(900)}}}', None),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_rotation_that_could_not_be_kept_is_refused(gateway, body, param):
    await gateway.create()

    got = await gateway.rest.post("/api/rotations/", content=body, headers=JSON)

    assert (got.status_code, format_param(got)) == (400, param)
    assert (await gateway.rest.get("/api/rotations/")).json() == []


async def test_fallbacks_of_which_there_are_more_ways_than_anyone_could_go_are_checked_at_once(gateway):
    await gateway.create()
    providers = [{"provider_id": "demo"}]
    for layer in range(30):
        below = [f"r{layer - 1}-{side}" for side in "ab"] if layer else []
        for side in "ab":
            rotation = {"name": f"r{layer}-{side}", "providers": providers, "fallbacks": below}
            assert (await gateway.rest.post("/api/rotations/", json=rotation)).status_code == 201

    circle = {"providers": providers, "fallbacks": ["r29-a"]}
    got = await gateway.rest.put("/api/rotations/r0-a", json=circle)

    assert (got.status_code, format_param(got)) == (400, "fallbacks.0")


async def test_what_was_refused_leaves_the_gateway_able_to_start_again(tmp_path, site):
    async with run_gateway(tmp_path, site) as gateway:
        await gateway.create("kept", **API)
        for value in ("1e999", "NaN", HALF, '"\\u0000"', nested(900)):
            body = f'{{"name":"x","provider_type":"rest_api","base_url":"http://h/","weight":{value}}}'
            await gateway.rest.post("/api/endpoints/", content=body, headers=JSON)

    async with run_gateway(tmp_path, site) as again:
        listed = (await again.rest.get("/api/endpoints/")).json()

    assert [endpoint["slug"] for endpoint in listed] == ["kept"]


LEAST = {"input": "a", "assistant_turn": "b"}
PROFILES = {
    "a long name": "a" * 5_000,
    "a name of long characters": "ä" * 200,
    "nul": "\0",
    "a path": "../../etc/passwd",
    "a count that no number holds": {**LEAST, "conversation": {"url": "a{99999999999999999999}("}},
    "groups": {**LEAST, "conversation": {"url": "(" * 400 + ")" * 400 + "("}},
    "many groups": {**LEAST, "conversation": {"url": "(" * 5_000 + ")" * 5_000}},
    "nested selectors": {**LEAST, "input": ":not(" * 2_000 + "a" + ")" * 2_000},
    "selectors nested a little less": {**LEAST, "input": ":is(" * 400 + "a" + ")" * 400},
    "a long selector": {**LEAST, "input": ".a" * 500_000},
    "a long path": {
        **LEAST,
        "wire": {"decoder": "json_sse", "urls": "*", "text_path": "a." * 9_000, "end": "x"},
    },
    "a file": {**LEAST, "sign_in": {"path": "file:///etc/passwd", "username": "u", "password": "p"}},
    "another file": {**LEAST, "path": "file:///etc/passwd"},
    "a page in the address": {**LEAST, "path": "data:text/html,x"},
}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
async def test_a_profile_that_nobody_could_use_is_refused_with_its_key(gateway, profile, caplog):
    got = await gateway.create("Page", profile=profile)

    assert got.status_code in {400, 422}, got.text
    assert "request_failed" not in caplog.text
    assert len(got.text) < 3_000
