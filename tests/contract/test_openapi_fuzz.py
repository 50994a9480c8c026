"""Requests made from the app's own OpenAPI document, right and wrong ones: each answer is one that the document promises."""

from __future__ import annotations

import anyio.to_thread
import pytest

from tests.contract.conftest import run_gateway
from tests.fakes.scripted_api import serving


@pytest.mark.parametrize(
    ("most", "is_random"),
    [
        pytest.param(2, False, id="some"),
        pytest.param(40, True, id="many", marks=[pytest.mark.soak, pytest.mark.timeout(1500)]),
    ],
)
async def test_every_answer_is_one_that_the_openapi_document_promises(tmp_path, most, is_random):
    # Loading schemathesis takes longer than most files of tests: only the worker that runs this does.
    from tests.fakes.openapi_fuzzer import AnsweringApi, Fuzzer

    async with serving(AnsweringApi()) as api, run_gateway(tmp_path) as gateway:
        fuzzer = Fuzzer(gateway.url, api.url, most, is_random)

        await anyio.to_thread.run_sync(fuzzer.run)

        assert {200, 201, 204, 400, 404} <= fuzzer.statuses
        assert fuzzer.asked >= (2_000 if is_random else 150)
