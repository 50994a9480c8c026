"""Who may reach the gateway: API keys, foreign hosts and origins, public addresses."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from backend.app import create_app
from backend.security.exposure import ExposureError
from backend.settings import Settings
from tests.contract.conftest import providers_of, run_gateway
from tests.fakes.scripted_provider import ScriptedSite


@pytest.fixture
async def guarded(tmp_path, site, capsys):
    """A gateway with authentication on, and the key that it printed."""
    async with run_gateway(tmp_path, site, auth="on") as running:
        printed = re.search(r"sk-parley-\S+", capsys.readouterr().out)
        assert printed
        yield running, printed[0]


async def test_without_authentication_any_key_works(gateway):
    with_key = await gateway.rest.get("/v1/models", headers={"authorization": "Bearer whatever"})
    without = await gateway.rest.get("/v1/models")

    assert (with_key.status_code, without.status_code) == (200, 200)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost:8000"}, 200),
        ({"host": "chat.localhost"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "192.168.1.5"}, 403),
        ({"host": "localhost", "origin": "http://localhost"}, 200),
        ({"host": "localhost", "origin": "http://localhost:3000"}, 403),
        ({"host": "localhost", "origin": "https://evil.example"}, 403),
        ({"host": "localhost", "origin": "null"}, 403),
    ],
)
async def test_without_authentication_foreign_hosts_and_origins_are_refused(gateway, headers, status):
    got = await gateway.rest.get("/v1/models", headers=headers)

    assert got.status_code == status
    if status == 403:
        assert got.json()["error"]["code"] == "not_allowed"
        assert got.headers["x-request-id"]


@pytest.mark.parametrize(("origin", "status"), [("https://ui.example", 200), ("https://evil.example", 403)])
async def test_a_page_on_the_web_that_may_call_the_gateway_may_do_so_on_a_private_network(
    tmp_path, site, origin, status
):
    async with run_gateway(tmp_path, site, cors_origins=("https://ui.example",)) as gateway:
        got = await gateway.rest.options(
            "/v1/chat/completions",
            headers={
                "origin": origin,
                "access-control-request-method": "POST",
                "access-control-request-private-network": "true",
            },
        )

    assert got.status_code == status
    assert got.headers.get("access-control-allow-private-network") == ("true" if status == 200 else None)


async def test_a_page_may_read_when_to_try_again_and_what_is_left_of_its_limit(tmp_path, site):
    async with run_gateway(
        tmp_path, site, cors_origins=("https://ui.example",), rate_limit_requests=1, rate_limit_window=60
    ) as gateway:
        await gateway.started()
        asked = {"model": "demo", "messages": [{"role": "user", "content": "Hi"}]}
        got = [
            await gateway.rest.post(
                "/v1/chat/completions", json=asked, headers={"origin": "https://ui.example"}
            )
            for _ in range(2)
        ][-1]

    exposed = {name.strip() for name in got.headers["access-control-expose-headers"].split(",")}
    assert got.status_code == 429
    assert {"retry-after", "x-ratelimit-remaining-requests", "x-should-retry"} <= exposed


async def test_allowed_hosts_and_cors_origins_are_let_in(tmp_path, site):
    settings: dict[str, Any] = {"allowed_hosts": ("gateway.lan",), "cors_origins": ("http://ui.lan:3000",)}
    async with run_gateway(tmp_path, site, **settings) as gateway:
        headers = {"host": "gateway.lan:8000", "origin": "http://ui.lan:3000"}
        got = await gateway.rest.get("/v1/models", headers=headers)
        preflight = await gateway.rest.options(
            "/v1/chat/completions", headers={**headers, "access-control-request-method": "POST"}
        )

    assert got.status_code == 200
    assert got.headers["access-control-allow-origin"] == "http://ui.lan:3000"
    assert preflight.status_code == 200


async def test_with_authentication_only_the_printed_key_works(guarded):
    gateway, key = guarded
    attempts = {
        "none": {},
        "wrong": {"authorization": "Bearer sk-parley-wrong"},
        "other scheme": {"authorization": f"Basic {key}"},
        "right": {"authorization": f"Bearer {key}"},
    }

    got = {name: await gateway.rest.get("/v1/models", headers=headers) for name, headers in attempts.items()}

    assert {name: r.status_code for name, r in got.items()} == {
        "none": 401,
        "wrong": 401,
        "other scheme": 401,
        "right": 200,
    }
    assert got["wrong"].json()["error"]["code"] == "invalid_api_key"
    assert got["wrong"].json()["error"]["type"] == "authentication_error"


async def test_the_key_is_kept_for_its_user_only_printed_once_and_never_logged(
    tmp_path, site, capsys, caplog
):
    caplog.set_level("DEBUG")
    async with run_gateway(tmp_path, site, auth="on"):
        first = capsys.readouterr().out
    async with run_gateway(tmp_path, site, auth="on"):
        second = capsys.readouterr().out

    path = tmp_path / "admin_key"
    key = path.read_text()
    assert key in first
    assert key not in second
    assert path.stat().st_mode & 0o777 == 0o600
    assert key not in "".join(str(vars(record)) for record in caplog.records)


async def test_liveness_needs_no_key_and_readiness_tells_strangers_the_status_alone(guarded):
    gateway, key = guarded

    alive = await gateway.rest.get("/health")
    stranger = await gateway.rest.get("/ready")
    known = await gateway.rest.get("/ready", headers={"authorization": f"Bearer {key}"})

    assert alive.status_code == 200
    assert stranger.json() == {"status": "ready"}
    assert set(known.json()) == {"status", "database", "browser", "endpoints"}


async def test_with_authentication_foreign_hosts_are_served(guarded):
    gateway, key = guarded

    got = await gateway.rest.get(
        "/v1/models", headers={"host": "gateway.lan", "authorization": f"Bearer {key}"}
    )

    assert got.status_code == 200


def test_a_public_address_turns_authentication_on(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path, host="0.0.0.0")

    create_app(settings, providers_of(ScriptedSite()))

    assert (tmp_path / "admin_key").exists()


@pytest.mark.parametrize("auth", ["on", "off"])
async def test_until_the_lifespan_has_run_nothing_is_let_in(tmp_path, site, auth):
    app = create_app(Settings(_env_file=None, data_dir=tmp_path, auth=auth), providers_of(site))
    key = (tmp_path / "admin_key").read_text() if auth == "on" else ""
    transport = httpx.ASGITransport(app)

    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        got = [
            await client.get(path, headers={"authorization": f"Bearer {key}"})
            for path in ("/v1/models", "/health", "/live/token")
        ]

    assert [answer.status_code for answer in got] == [503, 503, 503]
    assert got[0].json()["error"]["code"] == "starting"


def test_a_public_address_without_authentication_is_warned_of(tmp_path, caplog):
    settings = Settings(_env_file=None, data_dir=tmp_path, host="0.0.0.0", auth="off")

    create_app(settings, providers_of(ScriptedSite()))

    (warning,) = [record for record in caplog.records if record.message == "gateway_exposed"]
    assert "everyone who reaches it" in vars(warning)["reason"]


def test_a_public_address_with_authentication_off_by_itself_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Settings, "is_auth_on", property(lambda _self: False))
    settings = Settings(_env_file=None, data_dir=tmp_path, host="0.0.0.0")

    with pytest.raises(ExposureError, match=r"0\.0\.0\.0"):
        create_app(settings, providers_of(ScriptedSite()))


CROSS_SITE = {"host": "localhost", "sec-fetch-site": "cross-site"}
VISIT = {**CROSS_SITE, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {**CROSS_SITE, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"}, 403),
        ("GET", {**CROSS_SITE, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, 403),
        ("GET", {**VISIT, "sec-fetch-dest": "iframe"}, 403),
        ("GET", CROSS_SITE, 403),
        ("GET", VISIT, 200),
        ("POST", VISIT, 403),
        ("GET", {**VISIT, "sec-fetch-site": "none"}, 200),
        ("GET", {**VISIT, "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, 200),
    ],
)
async def test_without_authentication_a_page_of_another_site_is_refused_also_without_an_origin(
    gateway, method, headers, status
):
    got = await gateway.rest.request(method, "/health", headers=headers)

    assert got.status_code == status


async def test_an_allowed_origin_may_be_of_another_site(tmp_path, site):
    async with run_gateway(tmp_path, site, cors_origins=("https://app.example",)) as gateway:
        headers = {**CROSS_SITE, "origin": "https://app.example", "sec-fetch-mode": "cors"}
        got = await gateway.rest.get("/v1/models", headers=headers)

    assert got.status_code == 200


@pytest.mark.parametrize("auth", ["on", "off"])
@pytest.mark.parametrize(
    "host",
    ["[::1].evil.example", "localhost#.evil.example", "evil.example@localhost", "localhost/x", "a b", ""],
)
async def test_a_malformed_host_is_a_400(tmp_path, site, auth, host):
    async with run_gateway(tmp_path, site, auth=auth) as gateway:
        got = await gateway.rest.get("/health", headers={"host": host})

    assert (got.status_code, got.json()["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_probes_may_ask_by_head(guarded, path):
    gateway, _ = guarded

    got = await gateway.rest.head(path)

    assert (got.status_code, got.content) == (200, b"")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
        ("GET", "/nothing-here"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/live-page/live.js"),
        ("GET", "/live/nothing"),
        ("GET", "/sign-in/a/b"),
        ("GET", "/metrics"),
        ("OPTIONS", "/v1/models"),
    ],
)
@pytest.mark.parametrize("auth", ["on", "off"])
async def test_every_response_says_what_browsers_may_make_of_it(tmp_path, site, auth, method, path):
    async with run_gateway(tmp_path, site, auth=auth) as gateway:
        got = await gateway.rest.request(method, path)

    told = [name.lower() for name, _ in got.headers.multi_items()]
    expected = {
        "content-security-policy",
        "x-content-type-options",
        "x-frame-options",
        "cross-origin-resource-policy",
        "referrer-policy",
        "cache-control",
    }
    assert expected <= set(told)
    assert len(told) == len(set(told))
    assert "frame-ancestors 'none'" in got.headers["content-security-policy"]


def test_settings_that_let_every_web_page_in_are_warned_of(tmp_path, caplog):
    settings = Settings(_env_file=None, data_dir=tmp_path, cors_origins=("*",))

    create_app(settings, providers_of(ScriptedSite()))

    [told] = [record for record in caplog.records if record.message == "gateway_exposed"]
    assert "CORS_ORIGINS" in told.__dict__["reason"]
