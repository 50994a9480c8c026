"""Chat completions as OpenAI's own client sees them."""

from __future__ import annotations

import json

import anyio
import openai
import pytest

from automation.errors import IdleTimeout, RateLimitedError, SiteChangedError, SiteError
from automation.turn import ReasoningDelta, SourceFound, TextDelta, TurnFinished, UsageReported
from tests.fakes.scripted_provider import DONE, plays, says

HELLO = [{"role": "user", "content": "Hello"}]


async def test_a_unary_answer_is_the_deltas_joined(gateway):
    gateway.site.script = says("Hel", "lo, ", "wörld ✓\n\n```py\nx\n```")
    await gateway.started()

    got = await gateway.openai.chat.completions.create(model="demo", messages=HELLO)

    assert got.choices[0].message.content == "Hello, wörld ✓\n\n```py\nx\n```"
    assert got.choices[0].message.role == "assistant"
    assert got.choices[0].finish_reason == "stop"
    assert (got.object, got.model) == ("chat.completion", "demo")
    assert got.id.startswith("chatcmpl-")


async def test_every_delta_is_streamed_as_its_own_chunk_and_the_first_has_the_role(gateway):
    gateway.site.script = says("one ", "two ", "three")
    await gateway.started()

    stream = await gateway.openai.chat.completions.create(model="demo", messages=HELLO, stream=True)
    chunks = [chunk async for chunk in stream]

    assert [c.choices[0].delta.content for c in chunks[:-1]] == ["one ", "two ", "three"]
    assert [c.choices[0].delta.role for c in chunks] == ["assistant", None, None, None]
    assert [c.choices[0].finish_reason for c in chunks] == [None, None, None, "stop"]
    assert {c.object for c in chunks} == {"chat.completion.chunk"}
    assert len({c.id for c in chunks}) == 1


async def test_a_delta_arrives_while_the_site_still_thinks_about_the_next(gateway):
    more = anyio.Event()
    gateway.site.script = plays(TextDelta("first"), more, TextDelta(" second"), DONE)
    await gateway.started()

    stream = await gateway.openai.chat.completions.create(model="demo", messages=HELLO, stream=True)
    first = await anext(stream)
    more.set()
    rest = "".join([c.choices[0].delta.content or "" async for c in stream])

    assert first.choices[0].delta.content == "first"
    assert rest == " second"


async def test_a_stream_ends_with_done_after_its_usage(gateway):
    gateway.site.script = says("12345")
    await gateway.started()

    got = await gateway.ask("12345678", stream=True, stream_options={"include_usage": True})
    events = [line.removeprefix("data: ") for line in got.text.split("\n\n") if line]

    assert got.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert events[-1] == "[DONE]"
    usage = json.loads(events[-2])
    assert usage["choices"] == []
    assert usage["usage"] == {
        "prompt_tokens": 2,
        "completion_tokens": 2,
        "total_tokens": 4,
        "estimated": True,
    }
    assert all(json.loads(e)["usage"] is None for e in events[:-2])


async def test_usage_that_the_site_tells_is_not_called_estimated(gateway):
    gateway.site.script = plays(TextDelta("x"), UsageReported(11, 7), DONE)
    await gateway.started()

    usage = (await gateway.ask()).json()["usage"]

    assert usage == {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


async def test_reasoning_is_kept_apart_in_both_modes(gateway):
    gateway.site.script = plays(ReasoningDelta("hm"), TextDelta("yes"), DONE)
    await gateway.started()

    whole = (await gateway.ask()).json()["choices"][0]["message"]
    stream = await gateway.openai.chat.completions.create(model="demo", messages=HELLO, stream=True)
    deltas = [c.choices[0].delta.model_dump(exclude_none=True) async for c in stream]

    assert (whole["reasoning_content"], whole["content"]) == ("hm", "yes")
    assert deltas == [{"role": "assistant", "content": "", "reasoning_content": "hm"}, {"content": "yes"}, {}]


async def test_cited_pages_are_annotations(gateway):
    gateway.site.script = plays(TextDelta("abc"), SourceFound("https://a.example/", "A"), DONE)
    await gateway.started()

    whole = await gateway.openai.chat.completions.create(model="demo", messages=HELLO)
    streamed = await gateway.ask(stream=True)

    annotations = whole.choices[0].message.annotations
    assert annotations is not None
    assert annotations[0].url_citation.url == "https://a.example/"
    assert annotations[0].url_citation.start_index == 3
    assert '"annotations":[{"type":"url_citation"' in streamed.text


async def test_notes_about_the_capture_reach_the_client(gateway):
    gateway.site.script = plays(TextDelta("x"), TurnFinished("stop", "dom", ("rewritten",)))
    await gateway.started()

    whole, streamed = await gateway.ask(), await gateway.ask(stream=True)

    assert whole.headers["x-gateway-notes"] == "rewritten"
    assert '"gateway_notes":["rewritten"]' in streamed.text


async def test_an_empty_answer_is_still_a_whole_stream(gateway):
    gateway.site.script = plays(DONE)
    await gateway.started()

    stream = await gateway.openai.chat.completions.create(model="demo", messages=HELLO, stream=True)
    chunks = [chunk async for chunk in stream]

    assert [c.choices[0].finish_reason for c in chunks] == ["stop"]
    assert chunks[0].choices[0].delta.content == ""


async def test_all_messages_reach_the_provider_in_order(gateway):
    await gateway.started()
    messages = [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]},
    ]

    got = await gateway.ask(messages=messages)

    assert got.json()["choices"][0]["message"]["content"] == "c\n\nd"
    sent = [(m.role, m.text) for m in gateway.site.prompts[0].messages]
    assert sent == [("system", "be brief"), ("user", "a"), ("assistant", "b"), ("user", "c\n\nd")]


async def test_ignored_parameters_are_named(gateway):
    await gateway.started()

    got = await gateway.ask(temperature=0.5, seed=1, frobnicate=True, top_p=None, n=1)

    assert got.status_code == 200
    assert got.headers["x-gateway-ignored-params"] == "frobnicate, seed, temperature"
    assert got.headers["x-gateway-endpoint"] == "demo"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"conversation": 7}, "conversation"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages.0.content.0.type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages.0.content.0.image_url.url",
        ),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages.0.role"),
        ({"temperature": 9}, "temperature"),
        ({"stop": ["", "x"]}, "stop"),
    ],
)
async def test_what_cannot_be_honoured_is_refused_by_name(gateway, body, param):
    await gateway.started()

    got = await gateway.ask(**body)

    assert got.status_code == 400
    error = got.json()["error"]
    assert (error["code"], error["param"], error["type"]) == (
        "invalid_request",
        param,
        "invalid_request_error",
    )
    assert gateway.site.prompts == []


async def test_broken_json_is_a_400_in_openais_shape(gateway):
    got = await gateway.rest.post(
        "/v1/chat/completions", content=b"{not json", headers={"content-type": "application/json"}
    )

    assert got.status_code == 400
    assert "not JSON" in got.json()["error"]["message"]


async def test_max_tokens_cuts_the_answer_and_stops_the_page(gateway):
    never = anyio.Event()
    gateway.site.script = plays(TextDelta("12345"), TextDelta("67890"), never)
    await gateway.started()

    got = await gateway.openai.chat.completions.create(model="demo", messages=HELLO, max_tokens=2)

    assert got.choices[0].message.content == "12345678"
    assert got.choices[0].finish_reason == "length"
    with anyio.fail_after(200):
        await gateway.site.left_early.wait()


async def test_a_stop_sequence_split_over_deltas_ends_the_stream_before_it(gateway):
    never = anyio.Event()
    gateway.site.script = plays(TextDelta("say EN"), TextDelta("D more"), never)
    await gateway.started()

    stream = await gateway.openai.chat.completions.create(
        model="demo", messages=HELLO, stream=True, stop="END"
    )
    chunks = [c.choices[0] async for c in stream]

    assert "".join(c.delta.content or "" for c in chunks) == "say "
    assert chunks[-1].finish_reason == "stop"
    with anyio.fail_after(200):
        await gateway.site.left_early.wait()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_first_delta_is_a_json_error_with_its_status(gateway, stream):
    gateway.site.script = plays(SiteError("boom"))
    await gateway.started()

    got = await gateway.ask(stream=stream)

    assert got.status_code == 502
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-gateway-endpoint"] == "demo"
    assert got.json()["error"] == {
        "message": "The site reported: boom",
        "type": "api_error",
        "param": None,
        "code": "site_error",
    }


async def test_a_failure_after_the_first_delta_is_an_error_event_without_done(gateway):
    gateway.site.script = plays(TextDelta("half"), IdleTimeout(45))
    await gateway.started()

    got = await gateway.ask(stream=True)
    with pytest.raises(openai.APIError, match="stalled"):
        async for _ in await gateway.openai.chat.completions.create(
            model="demo", messages=HELLO, stream=True
        ):
            pass

    assert got.status_code == 200
    assert "[DONE]" not in got.text
    assert '"code":"idle_timeout"' in got.text


async def test_a_cut_answer_is_an_error_and_not_a_short_answer(gateway):
    gateway.site.script = plays(TextDelta("half"), SiteError("connection cut"))
    await gateway.started()

    got = await gateway.ask()

    assert got.status_code == 502
    assert "half" not in got.text


async def test_an_answer_without_its_end_is_a_site_error(gateway):
    gateway.site.script = plays(TextDelta("half"))
    await gateway.started()

    got = await gateway.ask()

    assert (got.status_code, got.json()["error"]["code"]) == (502, "site_error")


async def test_a_bug_is_an_internal_error_and_is_logged(gateway, caplog):
    gateway.site.script = plays(ZeroDivisionError("secret detail"))
    await gateway.started()

    got = await gateway.ask()

    assert (got.status_code, got.json()["error"]["code"]) == (500, "internal_error")
    assert "secret detail" not in got.text
    assert "request_failed" in caplog.text


async def test_a_limited_site_answers_429_with_retry_after_until_the_time_is_over(gateway):
    gateway.site.script = plays(RateLimitedError("slow down", 300))
    await gateway.started()

    first, second = await gateway.ask(), await gateway.ask()

    assert [r.status_code for r in (first, second)] == [429, 429]
    assert first.headers["retry-after"] == "300"
    assert 290 <= int(second.headers["retry-after"]) <= 300
    assert len(gateway.site.prompts) == 1, "the second request reached the site"
    assert await gateway.state() == "rate_limited"


async def test_a_limit_lifts_by_itself(gateway):
    gateway.site.script = plays(RateLimitedError("slow down", 0.05))
    await gateway.started()
    assert (await gateway.ask()).status_code == 429

    gateway.site.script = says("fine")
    await gateway.wait_for("demo", "active")

    assert (await gateway.ask()).status_code == 200


async def test_a_changed_page_is_told_pictured_and_left_by_the_next_success(gateway, tmp_path):
    gateway.site.script = plays(SiteChangedError("send", "sending", b"\x89PNG"))
    await gateway.started()

    got = await gateway.ask()
    broken = (await gateway.rest.get("/api/endpoints/demo")).json()
    gateway.site.script = says("mended")
    again = await gateway.ask()
    health = (await gateway.rest.get("/api/endpoints/demo/health")).json()

    assert (got.status_code, got.json()["error"]["code"]) == (502, "site_changed")
    assert "'send'" in got.json()["error"]["message"]
    assert got.headers["x-should-retry"] == "false"
    assert broken["state"] == "error"
    assert "'send'" in broken["state_reason"]
    (picture,) = (tmp_path / "screenshots").iterdir()
    assert picture.read_bytes() == b"\x89PNG"
    assert picture.stat().st_mode & 0o777 == 0o600
    assert f"Screenshot: {picture.name}." in got.json()["error"]["message"]
    assert health["screenshot"] == picture.name
    assert health["last_error"]["code"] == "site_changed"
    assert health["last_error"]["message"] == got.json()["error"]["message"]
    assert again.status_code == 200
    assert await gateway.state() == "active"


async def test_a_request_id_is_taken_over_or_made(gateway):
    await gateway.started()

    taken = await gateway.rest.get("/v1/models", headers={"x-request-id": "mine-1"})
    made = await gateway.rest.get("/v1/models", headers={"x-request-id": "forged\tline"})

    assert taken.headers["x-request-id"] == "mine-1"
    assert made.headers["x-request-id"].startswith("req_")


async def test_prompts_and_answers_are_not_logged(gateway, caplog):
    caplog.set_level("DEBUG", logger="backend")
    gateway.site.script = says("private answer")
    await gateway.started(password="hunter2", api_key="sk-endpoint")

    await gateway.ask("private question")

    assert "request_finished" in caplog.text
    for secret in ("private", "hunter2", "sk-endpoint"):
        assert secret not in "".join(str(vars(record)) for record in caplog.records)
