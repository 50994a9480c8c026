"""The chat site keeps its promises over plain HTTP, before any browser relies on them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from automation.profiles.validation import parse_profile
from tests.fakes.chat_site import (
    ERROR_WORDS,
    LIMIT_WORDS,
    MARKDOWN,
    NOT_CHAT_PAGES,
    VARIANTS,
    WRONG_PASSWORD_WORDS,
    FakeChatSite,
    answer_to,
    profile_data,
)
from tests.fakes.chat_site.app import _split_oddly

CHUNKED = [name for name, variant in VARIANTS.items() if variant.transport in ("fetch", "xhr", "worker")]
FORM = {"username": "ada", "password": "lovelace"}


@pytest.fixture
async def site() -> AsyncIterator[FakeChatSite]:
    async with FakeChatSite.open() as running:
        yield running


@pytest.fixture
async def client(site: FakeChatSite) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=site.url, timeout=60) as http:
        yield http


def asked(prompt: str) -> dict[str, str]:
    return {"prompt": prompt, "conversation": "c1"}


def events_of(body: str) -> list[Any]:
    datas = [line.removeprefix("data: ") for line in body.splitlines() if line.startswith("data: ")]
    return [data if data == "[DONE]" else json.loads(data) for data in datas]


def joined(events: list[Any], key: str) -> str:
    return "".join(e["choices"][0]["delta"].get(key, "") for e in events if e != "[DONE]")


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("[[echo:a [b]\nc]]", "a [b]\nc"),
        ("[[md:code]]", MARKDOWN["code"]),
        ("[[count:3]]", "word1 word2 word3"),
        ("[[echo:first]] then [[echo:last]]", "last"),
        ("ab\nc", "You sent 4 characters on 2 lines, checksum c7d9885c."),
    ],
)
def test_tags_in_the_prompt_choose_the_answer(prompt: str, text: str):
    assert answer_to(prompt).text == text


def test_tags_also_choose_how_the_answer_comes():
    answer = answer_to("[[think:hm]][[gate]][[pause:3]][[wait:2]][[slow:50]][[cut]]")

    assert (answer.reasoning, answer.has_gate, answer.fault) == ("hm", True, "cut")
    assert (answer.pause_s, answer.wait_s, answer.delay_s) == (3.0, 2.0, 0.05)


def test_an_event_is_split_inside_a_character():
    parts = _split_oddly("aé".encode())

    assert parts == (b"a\xc3", b"\xa9")


@pytest.mark.parametrize("name", [*VARIANTS, *NOT_CHAT_PAGES])
@pytest.mark.parametrize("with_wire", [True, False])
def test_the_profile_of_every_page_is_valid(name: str, with_wire: bool):
    profile = parse_profile(profile_data(name, with_wire=with_wire))

    assert profile.path == f"/v/{name}"
    assert with_wire or profile.wire is None


async def test_every_variant_has_a_page(client: httpx.AsyncClient):
    for name, variant in VARIANTS.items():
        response = await client.get(f"/{'frame' if variant.frame else 'v'}/{name}")

        expected = (303, f"/login/{name}") if variant.needs_sign_in else (200, None)
        if variant.challenge.startswith("response"):
            expected = (403, None)
        assert (response.status_code, response.headers.get("location")) == expected
        is_open = not variant.needs_sign_in and variant.challenge in ("", "on-send")
        assert not is_open or f'"variant": "{name}"' in response.text


async def test_each_frame_has_the_origin_that_its_name_says(site: FakeChatSite, client: httpx.AsyncClient):
    sources = {
        name: (await client.get(f"/v/{name}")).text.partition('src="')[2].partition('"')[0]
        for name in ("iframe", "iframe-port", "iframe-cross-site")
    }

    assert sources["iframe"] == "/frame/iframe"
    assert sources["iframe-port"] == f"{site.other_url}/frame/iframe-port"
    assert (
        sources["iframe-cross-site"]
        == f"{site.url.replace('127.0.0.1', 'localhost')}/frame/iframe-cross-site"
    )


async def test_the_pages_that_are_no_chat_are_none(client: httpx.AsyncClient):
    responses = [await client.get(f"/v/{name}") for name in (*NOT_CHAT_PAGES, "unheard-of")]

    assert [r.status_code for r in responses] == [200, 200, 500, 404]
    assert "json" in responses[1].headers["content-type"]


@pytest.mark.parametrize(
    "name", [n for n in CHUNKED if not (VARIANTS[n].needs_sign_in or VARIANTS[n].challenge)]
)
async def test_wire_variants_stream_openai_chunks(name: str, site: FakeChatSite, client: httpx.AsyncClient):
    site.first_token_wait_s = 0
    prompt = "[[md:prose]][[think:naïve]]"

    response = await client.post(f"/api/chat/{name}", json=asked(prompt), headers={"cookie": "theme=dark"})

    events = events_of(response.text)
    assert (joined(events, "content"), joined(events, "reasoning_content")) == (MARKDOWN["prose"], "naïve")
    assert events[-2]["choices"][0]["finish_reason"] == "stop"
    assert events[-1] == "[DONE]"
    await site.wait_for(lambda s: s.requests[0].ended == "done")
    received = site.requests[0]
    assert (received.variant, received.prompt, received.conversation) == (name, prompt, "c1")
    assert (received.cookies, received.sent) == ({"theme": "dark"}, MARKDOWN["prose"])


async def test_an_event_source_is_answered_once(site: FakeChatSite, client: httpx.AsyncClient):
    left = await client.post("/api/prompt/eventsource", json=asked("[[echo:hello]]"))
    first = await client.get(f"/api/events/{left.json()['number']}")
    await site.wait_for(lambda s: s.requests[0].ended == "done")
    second = await client.get(f"/api/events/{left.json()['number']}")

    assert joined(events_of(first.text), "content") == "hello"
    assert second.status_code == 204


@pytest.mark.parametrize("name", ["dom-only", "thinking-dom"])
async def test_dom_variants_never_send_markdown(name: str, client: httpx.AsyncClient):
    response = await client.post(f"/api/html/{name}", json=asked("[[echo:a **b**]][[think:*c*]]"))

    *_, last, end = [json.loads(line) for line in response.text.splitlines()]
    assert last == {"html": "<p>a <strong>b</strong></p>\n", "thinking": "<p><em>c</em></p>\n"}
    assert end == {"end": True}
    assert "**b**" not in response.text


async def test_a_gate_holds_the_stream_in_the_middle_until_released(
    site: FakeChatSite, client: httpx.AsyncClient
):
    async with client.stream("POST", "/api/chat/fetch-sse", json=asked("[[count:20]][[gate]]")) as response:
        received = await site.wait_for_request(1)
        await site.wait_for(lambda _: received.is_at_gate)
        sent_at_gate = received.sent
        site.release()
        body = (await response.aread()).decode()

    assert sent_at_gate == received.answer.text[:65]
    assert joined(events_of(body), "content") == received.answer.text


async def test_a_hang_up_is_noted_as_aborted(site: FakeChatSite, client: httpx.AsyncClient):
    async with client.stream("POST", "/api/chat/fetch-sse", json=asked("[[gate]]")):
        await site.wait_for(lambda s: bool(s.requests) and s.requests[0].is_at_gate)

    await site.wait_for(lambda s: s.requests[0].ended != "running")

    assert site.requests[0].ended == "aborted"


async def test_a_cut_breaks_the_connection_in_the_middle(site: FakeChatSite, client: httpx.AsyncClient):
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post("/api/chat/cut", json=asked("[[count:20]][[cut]]"))

    assert site.requests[0].ended == "cut"
    assert site.requests[0].answer.text.startswith(site.requests[0].sent)
    assert 0 < len(site.requests[0].sent) < len(site.requests[0].answer.text)


@pytest.mark.parametrize("path", ["/api/chat/fetch-sse", "/api/html/dom-only", "/api/prompt/eventsource"])
@pytest.mark.parametrize(
    ("tag", "status", "words"), [("error", 500, ERROR_WORDS), ("limit", 200, LIMIT_WORDS)]
)
async def test_a_refusal_is_json_instead_of_a_stream(
    path: str, tag: str, status: int, words: str, site: FakeChatSite, client: httpx.AsyncClient
):
    response = await client.post(path, json=asked(f"[[{tag}]]"))

    assert response.status_code == status
    assert response.json()["error"]["message"] == words
    assert site.requests[0].ended == "refused"


@pytest.mark.parametrize("path", ["/api/chat/fetch-sse", "/api/html/dom-only"])
async def test_an_error_in_the_middle_is_told_in_the_stream(
    path: str, site: FakeChatSite, client: httpx.AsyncClient
):
    response = await client.post(path, json=asked("[[error-mid]]"))

    assert ERROR_WORDS in response.text
    assert "[DONE]" not in response.text
    assert site.requests[0].ended == "error"


async def test_a_socket_answers_one_prompt_after_another_and_stops_on_request(site: FakeChatSite):
    async with connect(f"{site.url.replace('http', 'ws')}/ws/websocket") as socket:
        for number in ("1", "2"):
            await socket.send(
                json.dumps({"type": "prompt", "id": number, **asked(f"[[echo:answer {number}]]")})
            )
            frames = [json.loads(await socket.recv())]
            while frames[-1]["type"] != "end":
                frames.append(json.loads(await socket.recv()))
            assert (
                joined([f["chunk"] for f in frames if f["type"] == "chunk"], "content") == f"answer {number}"
            )

        await socket.send(json.dumps({"type": "prompt", "id": "3", **asked("[[gate]]")}))
        held = await site.wait_for_request(3)
        await site.wait_for(lambda _: held.is_at_gate)
        await socket.send(json.dumps({"type": "stop", "id": "3"}))
        await site.wait_for(lambda _: held.ended == "aborted")


@pytest.mark.parametrize(
    ("tag", "ended", "words"),
    [
        ("error", "refused", ERROR_WORDS),
        ("limit", "refused", LIMIT_WORDS),
        ("error-mid", "error", ERROR_WORDS),
    ],
)
async def test_a_socket_tells_what_went_wrong(tag: str, ended: str, words: str, site: FakeChatSite):
    async with connect(f"{site.url.replace('http', 'ws')}/ws/websocket") as socket:
        await socket.send(json.dumps({"type": "prompt", "id": "1", **asked(f"[[{tag}]]")}))
        frame = json.loads(await socket.recv())
        while frame["type"] != "error":
            frame = json.loads(await socket.recv())

    assert (frame["message"], site.requests[0].ended) == (words, ended)


async def test_the_sign_in_form_lets_only_ada_in(site: FakeChatSite, client: httpx.AsyncClient):
    wrong = await client.post("/login/login", data={**FORM, "password": "byron"})
    right = await client.post("/login/login", data=FORM)
    page = await client.get("/v/login")

    assert WRONG_PASSWORD_WORDS in wrong.text
    assert (right.status_code, right.headers["location"]) == (303, "/v/login")
    assert '"variant": "login"' in page.text
    assert site.sign_ins == [("ada", False), ("ada", True)]


async def test_after_a_log_out_the_site_refuses_prompts_and_redirects(
    site: FakeChatSite, client: httpx.AsyncClient
):
    await client.post("/login/login", data=FORM)
    before = await client.post("/api/chat/login", json=asked("hello"))

    site.log_out_everyone()

    after = await client.post("/api/chat/login", json=asked("hello"))
    assert (before.status_code, after.status_code) == (200, 401)
    assert (await client.get("/v/login")).headers["location"] == "/login/login"
    assert len(site.requests) == 1


async def test_slow_answers_wait_unless_the_test_overrides_it(site: FakeChatSite, client: httpx.AsyncClient):
    site.first_token_wait_s = 0.05

    response = await client.post("/api/chat/slow-answer", json=asked("hi"))

    assert response.elapsed.total_seconds() >= 0.05
    assert VARIANTS["slow-answer"].first_token_wait_s == 8.0


async def test_waiting_in_vain_says_what_the_site_saw(site: FakeChatSite, client: httpx.AsyncClient):
    await client.post("/api/chat/fetch-sse", json=asked("[[echo:x]]"))

    with pytest.raises(TimeoutError, match=r"\[\[echo:x\]\]"):
        await site.wait_for_request(2, timeout_s=0.01)


async def test_the_site_closes_while_streams_and_sockets_are_open():
    async with httpx.AsyncClient() as http:
        async with FakeChatSite.open() as site:
            socket = await connect(f"{site.url.replace('http', 'ws')}/ws/websocket")
            stream = http.stream("POST", f"{site.url}/api/chat/fetch-sse", json=asked("[[gate]]"))
            await stream.__aenter__()
            await site.wait_for(lambda s: bool(s.requests) and s.requests[0].is_at_gate)
        await stream.__aexit__(None, None, None)
        await socket.close()

        assert site.requests[0].ended == "aborted"
        with pytest.raises(httpx.ConnectError):
            await http.get(site.url)
