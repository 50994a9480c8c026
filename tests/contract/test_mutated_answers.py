"""Answers of APIs changed at random, over HTTP: what a client gets is what was meant, but for what was changed, or an error.

`make test` plays a slice of the seeds, `make soak` ten thousand of them, and looks at the memory. One seed alone:
`SEED=17 .venv/bin/python -m pytest tests/contract/test_mutated_answers.py`.
"""

from __future__ import annotations

import gc
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import RunningGateway, run_gateway
from tests.fakes.answer_changes import MEANT, is_allowed
from tests.fakes.answer_mutations import MutatedAnswer, Mutator
from tests.fakes.scripted_api import STREAM_END, ScriptedApi, Step, piece, scripted_api
from tests.fakes.upstream_answers import Meaning, read_stream, read_whole

SLICE = range(int(os.environ["SEED"]), int(os.environ["SEED"]) + 1) if "SEED" in os.environ else range(400)
SOAKED = 10_000
WARM = 2_000
MOST_GROWTH_BYTES = 8 * 1024 * 1024
PRESETS = {"openai": "openai_compatible", "anthropic": "anthropic", "google": "google", "ollama": "ollama"}
HELLO = [{"role": "user", "content": "hi"}]
DOORS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": HELLO, "stream_options": {"include_usage": True}}),
    "messages": ("/v1/messages", {"messages": HELLO, "max_tokens": 50}),
    "responses": ("/v1/responses", {"input": "hi"}),
}


async def start_all(gateway: RunningGateway, api: ScriptedApi) -> None:
    for name, preset in PRESETS.items():
        await gateway.started_api(
            name, api.url, preset=preset, models=["m"], disable_after_failures=1_000_000, retry_attempts=0
        )


def script(answer: MutatedAnswer) -> list[Step]:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {answer.kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    return [head, *map(piece, answer.pieces), STREAM_END]


async def problem_with(gateway: RunningGateway, api: ScriptedApi, answer: MutatedAnswer) -> str | None:
    """What is wrong with what a client gets for the answer; None where it is right."""
    api.plays(script(answer))
    path, body = DOORS[answer.door]
    asked = {**body, "model": f"{answer.name}/m", "stream": answer.is_streamed}
    if not answer.is_streamed:
        asked.pop("stream_options", None)
    got = await gateway.rest.post(path, json=asked)
    api.asked.clear()  # the memory is looked at
    if got.status_code == 500 or b"failed unexpectedly" in got.content:
        return f"internal_error: {got.text[:300]}"
    try:
        told = read(got.status_code, got.headers["content-type"], got.content, answer.door)
    except Exception as exc:  # noqa: BLE001  any of them is a finding
        # What is passed on as it came may be what a client can't read.
        return (
            None
            if answer.is_passed_on and not answer.must_succeed
            else f"unreadable: {exc!r} {got.text[-300:]}"
        )
    if answer.must_fail and told.error is None:
        return f"half an answer told as whole: {told}"
    if answer.must_succeed and told != MEANT:
        return f"not as it was meant: {told} {got.text[-300:]}"
    return None if is_allowed(told, answer.fields) else f"changed beside the change: {told}"


def read(status: int, kind: str, body: bytes, door: str) -> Meaning:
    """The meaning of a response, with the code of its error."""
    if status != 200:
        return Meaning(error=json.loads(body)["error"]["code"])
    if not kind.startswith("text/event-stream"):
        return read_whole(body, door)
    told = read_stream(body, door)
    return told if told.end else Meaning(error="in the stream")


async def play(gateway: RunningGateway, api: ScriptedApi, seeds: range) -> dict[int, str]:
    wrong = {}
    for seed in seeds:
        answer = Mutator(seed).make()
        if problem := await problem_with(gateway, api, answer):
            wrong[seed] = f"{answer.name} {answer.door} {answer.is_streamed} {answer.what}: {problem}"
    return wrong


def memory_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_a_mutated_answer_is_what_was_meant_or_an_error(gateway, api):
    await start_all(gateway, api)

    assert await play(gateway, api, SLICE) == {}


@pytest.mark.soak
@pytest.mark.timeout(1500)
async def test_ten_thousand_mutated_answers_are_what_was_meant_or_errors_and_leave_no_memory(
    tmp_path, caplog
):
    caplog.set_level(logging.CRITICAL, logger="backend")  # pytest keeps what is logged
    async with scripted_api() as api, run_gateway(tmp_path) as gateway:
        await start_all(gateway, api)
        wrong = await play(gateway, api, range(WARM))
        before = memory_bytes()
        wrong |= await play(gateway, api, range(WARM, SOAKED))
        grown = memory_bytes() - before

    print(f"{SOAKED} answers, {grown / 2**20:.1f} MiB more after the first {WARM}")
    assert wrong == {}
    assert grown <= MOST_GROWTH_BYTES
