"""What goes wrong at an API, one row each: another endpoint is asked where nothing was sent yet, else the right error."""

from __future__ import annotations

import asyncio
import json
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.fakes.scripted_api import (
    STREAM_END,
    STREAM_HEAD,
    ScriptedApi,
    answers,
    completion,
    delta,
    event,
    piece,
    scripted_api,
    streams,
)

HELLO = delta(content="Hello")
BEGUN = [STREAM_HEAD, delta(role="assistant", content=""), HELLO]
ERROR = {"error": {"message": "overloaded, sorry", "type": "server_error", "code": None}}

# Each: the script for a stream, the one for a whole answer, then the status and code where nobody else can be asked.
BEFORE_THE_FIRST_DELTA = {
    "dies before headers": (["hang up"], ["hang up"], 502, "site_error"),
    "breaks before headers": (["reset"], ["reset"], 502, "site_error"),
    "dies after headers": (
        [STREAM_HEAD, "hang up"],
        [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{", "hang up"],
        502,
        "site_error",
    ),
    "429 with Retry-After": (
        answers(ERROR, 429, {"retry-after": "7"}),
        answers(ERROR, 429, {"retry-after": "7"}),
        429,
        "rate_limited",
    ),
    "429 without": (answers(ERROR, 429), answers(ERROR, 429), 429, "rate_limited"),
    "500": (answers(ERROR, 500), answers(ERROR, 500), 502, "site_error"),
    "503 with a web page": (
        answers(b"<html>busy</html>", 503, kind="text/html"),
        answers(b"<html>busy</html>", 503, kind="text/html"),
        502,
        "site_error",
    ),
    "malformed events": (
        [STREAM_HEAD, piece(b"data: {oops\n\n"), STREAM_END],
        answers(b"{oops"),
        502,
        "site_error",
    ),
    "no event stream at all": (
        [STREAM_HEAD, piece(b"all is well\n\n"), STREAM_END],
        answers(b"all is well"),
        502,
        "site_error",
    ),
    "wrong content type": (
        answers(b"<html>hi</html>", kind="text/html"),
        answers(b"<html>hi</html>", kind="text/html"),
        502,
        "site_error",
    ),
    "HTTP 200 with an error body": (answers(ERROR), answers(ERROR), 502, "site_error"),
    "an error event first": (
        [STREAM_HEAD, event(ERROR), STREAM_END],
        answers({"choices": []}),
        502,
        "site_error",
    ),
    "ends without an answer": ([STREAM_HEAD, STREAM_END], answers(b""), 502, "site_error"),
    "an answer without finish_reason": (
        [STREAM_HEAD, event(b"[DONE]"), STREAM_END],
        answers({"choices": [{"message": {"content": "Hel"}, "finish_reason": None}]}),
        502,
        "site_error",
    ),
    "refuses the key": (answers(ERROR, 401), answers(ERROR, 401), 503, "sign_in_required"),
    "redirects": (
        answers(b"", 302, {"location": "http://127.0.0.1:1/"}),
        answers(b"", 302, {"location": "http://127.0.0.1:1/"}),
        502,
        "site_error",
    ),
}
MID_STREAM = {
    "dies in mid-stream": ([*BEGUN, "hang up"], "site_error"),
    "breaks in mid-stream": ([*BEGUN, "reset"], "site_error"),
    "ends without finish": ([*BEGUN, STREAM_END], "site_error"),
    "says DONE without finish": ([*BEGUN, event(b"[DONE]"), STREAM_END], "site_error"),
    "malformed event": ([*BEGUN, piece(b"data: {oops\n\n")], "site_error"),
    "an error event": ([*BEGUN, event(ERROR), STREAM_END], "site_error"),
    "a limit in the stream": (
        [*BEGUN, event({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}), STREAM_END],
        "rate_limited",
    ),
    "never ends": ([*BEGUN, asyncio.Event()], "idle_timeout"),
}


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize("name", BEFORE_THE_FIRST_DELTA)
async def test_a_failure_before_the_first_delta_is_an_error_with_a_status(
    api_gateway, api, name, is_streamed
):
    stream, whole, status, code = BEFORE_THE_FIRST_DELTA[name]
    api.plays(stream if is_streamed else whole)

    got = await api_gateway.ask(model="api", stream=is_streamed)

    error = got.json()["error"]
    assert (got.status_code, error["code"]) == (status, code)
    assert got.headers["content-type"] == "application/json"


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize("name", BEFORE_THE_FIRST_DELTA)
async def test_another_endpoint_is_asked_before_the_first_delta(gateway, api, name, is_streamed):
    stream, whole, _, _ = BEFORE_THE_FIRST_DELTA[name]
    api.plays(stream if is_streamed else whole)
    async with scripted_api() as other:
        other.plays(streams("fine") if is_streamed else answers(completion("fine")))
        await gateway.started_api("second", other.url)
        await gateway.started_api("first", api.url, fallbacks=["second"])

        got = await gateway.ask(model="first", stream=is_streamed)

    assert got.status_code == 200
    assert "fine" in got.text
    assert got.headers["x-gateway-endpoint"] == "second"


@pytest.mark.parametrize("name", MID_STREAM)
async def test_a_failure_in_mid_stream_is_an_error_event_and_no_end(gateway, api, name):
    script, code = MID_STREAM[name]
    api.plays(script)
    async with scripted_api() as other:
        await gateway.started_api("second", other.url)
        await gateway.started_api("api", api.url, idle_seconds=0.3, fallbacks=["second"])

        got = await gateway.ask(model="api", stream=True)

        assert other.asked == []  # a client that has half an answer gets no half of another one
    events = [line.removeprefix("data: ") for line in got.text.splitlines() if line.startswith("data: ")]
    assert got.status_code == 200
    assert json.loads(events[-1])["error"]["code"] == code
    assert "[DONE]" not in events
    assert "Hello" in got.text


async def test_a_slow_first_token_is_a_timeout_and_then_anothers_turn(gateway, api):
    api.plays([STREAM_HEAD, asyncio.Event()])
    async with scripted_api() as other:
        other.plays(streams("fine"))
        await gateway.started_api("second", other.url)
        await gateway.started_api("slow", api.url, first_token_seconds=0.3)
        await gateway.started_api("slow too", api.url, first_token_seconds=0.3, fallbacks=["second"])

        alone = await gateway.ask(model="slow", stream=True)
        got = await gateway.ask(model="slow-too", stream=True)

    assert (alone.status_code, alone.json()["error"]["code"]) == (504, "first_token_timeout")
    assert "fine" in got.text


async def test_who_failed_three_times_is_left_alone(gateway, api):
    api.plays(answers(ERROR, 500))
    async with scripted_api() as other:
        other.plays(answers(completion("fine")))
        await gateway.started_api("second", other.url)
        await gateway.started_api("first", api.url, fallbacks=["second"])

        got = [await gateway.ask(model="first") for _ in range(5)]

    assert [answer.status_code for answer in got] == [200] * 5
    assert len(api.asked) == 3


async def test_the_providers_retry_after_is_passed_on(api_gateway, api):
    api.plays(answers(ERROR, 429, {"retry-after": "7"}))

    got = await api_gateway.ask(model="api")

    assert got.headers["retry-after"] == "7"
    assert "overloaded, sorry" in got.json()["error"]["message"]


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [(400, "context_length_exceeded", 400), (404, "model_not_found", 404), (422, "bad", 422)],
)
async def test_a_request_that_the_provider_takes_for_wrong_goes_nowhere_else(
    gateway, api, status, code, told
):
    refusal = {
        "error": {"message": "no way", "type": "invalid_request_error", "code": code, "param": "messages"}
    }
    api.plays(answers(refusal, status))
    async with scripted_api() as other:
        await gateway.started_api("second", other.url)
        await gateway.started_api("first", api.url, fallbacks=["second"])

        got = await gateway.ask(model="first")

        assert other.asked == []
    error = got.json()["error"]
    assert (got.status_code, error["code"], error["param"]) == (told, code, "messages")
    assert error["message"] == "no way"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1/v1", "127.0.0.1"),
        ("http://no-such-host.invalid/v1", "no-such-host.invalid"),
    ],
)
async def test_an_address_without_anybody_is_told(gateway, url, words):
    await gateway.started_api("nobody", url)

    got = await gateway.ask(model="nobody/m")

    error = got.json()["error"]
    assert (got.status_code, error["code"]) == (502, "site_error")
    assert words in error["message"]


async def test_a_certificate_that_nobody_signed_is_refused(gateway, tmp_path):
    async with _tls_server(tmp_path) as port:
        await gateway.started_api("tls", f"https://127.0.0.1:{port}/v1")

        got = await gateway.ask(model="tls/m")

    error = got.json()["error"]
    assert (got.status_code, error["code"]) == (502, "site_error")
    assert "TLS" in error["message"]


async def test_a_client_that_goes_away_ends_the_request_at_the_provider(api_gateway, api):
    api.plays([*BEGUN, asyncio.Event()])
    body = {"model": "api", "messages": [{"role": "user", "content": "Hi"}], "stream": True}

    async with api_gateway.rest.stream("POST", "/v1/chat/completions", json=body) as answer:
        await anext(answer.aiter_lines())

    async with asyncio.timeout(60):
        await api.left.wait()
    assert api.left.is_set()


async def test_an_endpoint_that_is_down_at_its_start_answers_when_it_is_there(gateway):
    async with scripted_api() as api:
        url = api.url
    slug = await gateway.started_api("late", url)
    port = int(url.split(":")[2].split("/")[0])
    api = ScriptedApi(url)
    api.plays(answers(completion("here now")))
    server = await asyncio.start_server(api.serve, "127.0.0.1", port)

    async with server:
        got = await gateway.ask(model=f"{slug}/m")

    assert got.json()["choices"][0]["message"]["content"] == "here now"


@asynccontextmanager
async def _tls_server(folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(folder))
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "nobody.pem"
    path.write_bytes(pem + certificate.public_bytes(Encoding.PEM))
    return path
