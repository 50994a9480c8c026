"""Requests that nobody means well: each is a clean error, none is a 500, takes the memory or outlives itself."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import RunningGateway
from tests.fakes.scripted_api import answers, completion

MESSAGES = '"messages":[{"role":"user","content":"Hi"}]'
ASK = {"model": "api", "messages": [{"role": "user", "content": "Hi"}]}
API = {"provider_type": "rest_api", "base_url": "http://127.0.0.1:1/v1", "profile": None}
HALF = '"\\ud800"'


def nested(depth: int, inner: str = "") -> str:
    return "[" * depth + inner + "]" * depth


def chat(model: str, more: str) -> bytes:
    return f'{{"model":"{model}",{MESSAGES},{more}}}'.encode()


@pytest.fixture
async def both(api_gateway: RunningGateway, api):
    """A gateway with the endpoints ``api``, an API, and ``demo``, a page."""
    api.plays(answers(completion("Hello")))
    await api_gateway.started()
    return api_gateway


async def post(gateway: RunningGateway, path: str, body: bytes | str, **headers: str):
    sent = {"content-type": "application/json", **headers}
    return await gateway.rest.post(path, content=body, headers=sent)


def error_of(got) -> dict[str, Any]:
    assert "Traceback" not in got.text
    error: dict[str, Any] = got.json()["error"]
    return error


@pytest.mark.parametrize("model", ["api", "demo"])
@pytest.mark.parametrize(
    ("more", "words"),
    [
        (f'"x":{nested(100_000)}', "not JSON"),
        (f'"x":{nested(990)}', "nested more than 200 deep"),
        (f'"tools":[{nested(300)}]', "nested more than 200 deep"),
        ('"temperature":1e999', "not JSON"),
        ('"temperature":NaN', "not JSON"),
        ('"temperature":-Infinity', "not JSON"),
        (f'"x":{HALF},"temperature":1e999', "not JSON"),
        (f'"x":{HALF},"temperature":NaN', "not JSON"),
        ('"seed":' + "9" * 5_000, "not JSON"),
        ('"stream":1', "stream"),
        ('"stream_options":[]', "stream_options"),
        (f'"x":[{"1," * 600_000}1]', "more than 500000 values"),
        (f'"x":[{"[]," * 600_000}1]', "more than 500000 values"),
    ],
    ids=lambda value: value[:30],
)
async def test_a_chat_body_that_cannot_be_passed_on_is_refused(both, api, model, more, words):
    got = await post(both, "/v1/chat/completions", chat(model, more))

    assert (got.status_code, error_of(got)["code"]) == (400, "invalid_request")
    assert words in str(error_of(got)["message"])
    assert api.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/embeddings",
        "/api/endpoints/",
        "/api/rotations/",
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}{}",
        b'{"model":"\xff\xfe"}',
        b'{"model":"\xed\xa0\x80"}',
        '{"model":"demo"}'.encode("utf-16"),
        b"\x1f\x8b\x08\x00",
        b"model=demo",
    ],
)
async def test_a_body_that_is_no_json_object_is_a_400(gateway, path, body):
    got = await post(gateway, path, body)

    assert got.status_code == 400
    assert error_of(got)["code"] == "invalid_request"


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "multipart/form-data; boundary=x", "application/json; charset=x"]
)
async def test_another_content_type_is_no_way_around(gateway, kind):
    got = await post(gateway, "/api/endpoints/", b'{"name":"\\ud800"}', **{"content-type": kind})

    assert got.status_code == 400
    assert (await gateway.rest.get("/api/endpoints/")).json() == []


async def test_half_a_pair_and_nul_in_a_message_reach_the_api_as_they_came(both, api):
    got = await post(
        both,
        "/v1/chat/completions",
        f'{{"model":"api","messages":[{{"role":"user","content":{HALF}}}],"x":"a\\u0000b"}}',
    )

    assert got.status_code == 200
    assert api.asked[0].json["messages"][0]["content"] == "\ud800"
    assert api.asked[0].json["x"] == "a\0b"


async def test_an_api_whose_error_cannot_be_read_is_at_fault(both, api):
    api.plays(answers(b'{"error":{"message":"bad word","code":', 400))

    got = await both.rest.post("/v1/chat/completions", json=ASK)

    assert (got.status_code, error_of(got)["code"]) == (502, "site_error")


async def test_half_a_pair_in_an_apis_error_is_passed_on(both, api):
    api.plays(answers(b'{"error":{"message":"bad \\ud800 word","code":"x","param":"\\ud800"}}', 400))

    got = await both.rest.post("/v1/chat/completions", json=ASK)

    error = error_of(got)
    assert (got.status_code, error["code"], error["param"]) == (400, "x", "\ud800")
    assert "bad \ud800 word" in error["message"]


async def test_names_of_fields_cannot_become_headers(both):
    got = await post(
        both, "/v1/chat/completions", chat("demo", '"a\\r\\nset-cookie: x=1":1,"b\\u0000\\u2028":2')
    )

    assert got.status_code == 200
    assert "set-cookie" not in got.headers
    assert got.headers["x-gateway-ignored-params"] == "a??set-cookie: x=1, b?\\u2028"


@pytest.mark.parametrize(
    "name", ["a\r\nset-cookie: x=1", "\u0000", "ü" * 5000, "../../etc/passwd", "<script>"]
)
async def test_a_strange_model_is_not_found_and_no_header(gateway, name):
    got = await gateway.rest.post("/v1/chat/completions", json={**ASK, "model": name})

    assert (got.status_code, error_of(got)["code"]) == (404, "model_not_found")
    assert "set-cookie" not in got.headers


@pytest.mark.parametrize("offered", ["a b", "x" * 129, "ü", "a;b", ""])
async def test_a_request_id_that_is_not_plain_is_replaced(gateway, offered):
    got = await gateway.rest.get("/health", headers={"x-request-id": offered.encode()})

    assert re.fullmatch(r"req_[0-9a-f]{32}", got.headers["x-request-id"])


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/%00",
        "/v1/models/%ED%A0%80",
        "/v1/models/a%0D%0Aset-cookie:x",
        "/v1/models/" + "a" * 30_000,
        "/api/endpoints/%00",
        "/api/endpoints/..%2F..%2Fetc",
        "/api/%0A/models",
        "/api/rotations/%FF",
        "/api/conversations/%00",
        "/api/endpoints/x/accounts/%00",
        "/live-page/..%2f..%2fapp.py",
    ],
)
async def test_a_path_of_strange_characters_is_a_404(gateway, path):
    got = await gateway.rest.get(path)

    assert got.status_code == 404
    assert "set-cookie" not in got.headers


@pytest.mark.parametrize(
    "query",
    [
        "/api/usage/?since=0001-01-01T00:00:00%2B14:00",
        "/api/usage/?since=9999-12-31T23:59:59-14:00",
        "/api/usage/?since=-99999999999999",
        "/api/usage/?since=%00",
        "/api/conversations?limit=" + "9" * 5_000,
        "/api/conversations?limit=-1",
    ],
)
async def test_a_query_out_of_range_is_a_400(gateway, query):
    got = await gateway.rest.get(query)

    assert (got.status_code, error_of(got)["code"]) == (400, "invalid_request")


async def raw_exchange(gateway: RunningGateway, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rsplit(":", 1)[1]))
    try:
        writer.write(sent)
        async with asyncio.timeout(60):
            return await reader.read(65_536)
    finally:
        writer.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: " + b"9" * 5_000,
        b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: -1",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked",
        b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nx\x00y: 1",
        b"GET /h\x00 HTTP/1.1\r\nhost: 127.0.0.1",
        b"NONSENSE",
    ],
    ids=["huge length", "negative length", "two lengths", "nul in a name", "nul in the path", "no http"],
)
async def test_a_broken_head_is_a_400(gateway, head):
    got = await raw_exchange(gateway, head + b"\r\n\r\n")

    assert got.startswith(b"HTTP/1.1 400")
    assert (await gateway.rest.get("/health")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/embeddings",
        "/api/endpoints/",
        "/api/endpoints/demo/accounts",
    ],
)
@pytest.mark.parametrize("says_length", [True, False], ids=["with its length", "in chunks"])
async def test_a_body_of_more_than_20_mb_is_a_413(gateway, path, says_length):
    async def pieces():
        for _ in range(21):
            yield b" " * 1_000_000

    body = b" " * 21_000_000 if says_length else pieces()
    got = await gateway.rest.post(path, content=body, headers={"content-type": "application/json"})

    assert (got.status_code, error_of(got)["code"]) == (413, "prompt_too_large")


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_a_body_too_long_for_messages_is_told_as_its_clients_expect(gateway, path):
    async def pieces():
        for _ in range(21):
            yield b" " * 1_000_000

    got = await gateway.rest.post(path, content=pieces(), headers={"content-type": "application/json"})

    assert (got.status_code, error_of(got)["type"]) == (413, "request_too_large")


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_another_method_at_messages_is_told_as_its_clients_expect(gateway, path):
    got = await gateway.rest.get(path)

    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    assert got.json()["type"] == "error"


def peak_rss_mb() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    assert found is not None
    return int(found[1]) // 1024


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="only Linux tells how much memory was used at most"
)
@pytest.mark.parametrize("model", ["api", "demo"])
@pytest.mark.parametrize(
    "messages",
    [
        '{"role":"user"}',
        '{"role":"user","content":[]}',
        '{"role":"user","content":"Hi"}',
        "{}",
    ],
)
async def test_a_million_messages_are_refused_without_the_memory_for_them(both, model, messages):
    count = min(1_000_000, 19_000_000 // (len(messages) + 1))
    body = f'{{"model":"{model}","messages":[{",".join([messages] * count)}]}}'.encode()
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak begins anew
    before = peak_rss_mb()

    got = await post(both, "/v1/chat/completions", body)

    assert got.status_code == 400
    assert peak_rss_mb() - before < 150


@pytest.mark.parametrize("model", ["api", "demo"])
async def test_more_messages_than_any_model_reads_are_refused(both, model):
    messages = [{"role": "user", "content": "Hi"}] * 10_001

    got = await both.rest.post("/v1/chat/completions", json={"model": model, "messages": messages})

    assert (got.status_code, error_of(got)["param"]) == (400, "messages")


async def test_code_in_a_message_may_have_as_many_commas_and_braces_as_it_likes(both, api):
    text = "{a, b}, [c],\n" * 200_000

    got = await both.rest.post(
        "/v1/chat/completions", json={**ASK, "messages": [{"role": "user", "content": text}]}
    )

    assert got.status_code == 200
    assert api.asked[0].json["messages"][0]["content"] == text
