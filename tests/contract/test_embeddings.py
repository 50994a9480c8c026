"""Embeddings go to APIs that have them, and nowhere else."""

from __future__ import annotations

import base64
import struct

import pytest

from tests.fakes.scripted_api import answers, scripted_api

VECTORS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -1.0]}],
    "model": "m",
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}


async def test_the_client_gets_the_providers_vectors(api_gateway, api):
    api.plays(answers(VECTORS))

    got = await api_gateway.openai.embeddings.create(model="api", input="hello", encoding_format="float")

    assert got.data[0].embedding == [0.25, -1.0]
    assert api.asked[0].path == "/v1/embeddings"
    assert api.asked[0].json == {"model": "m", "input": "hello", "encoding_format": "float"}


@pytest.mark.parametrize(
    ("preset", "answer"),
    [
        ("openai_compatible", VECTORS),
        ("ollama", {"embeddings": [[0.25, -1.0]], "prompt_eval_count": 3}),
        ("google", {"embeddings": [{"values": [0.25, -1.0]}]}),
    ],
)
@pytest.mark.parametrize(
    ("encoding", "vector"),
    [("base64", base64.b64encode(struct.pack("<2f", 0.25, -1.0)).decode()), ("float", [0.25, -1.0])],
)
async def test_vectors_have_the_encoding_that_was_asked_for_at_every_api(
    gateway, api, preset, answer, encoding, vector
):
    api.plays(answers(answer))
    await gateway.started_api("api", api.url, preset=preset, models=["m"])

    got = await gateway.rest.post(
        "/v1/embeddings", json={"model": "api/m", "input": "a", "encoding_format": encoding}
    )

    assert got.json()["data"][0]["embedding"] == vector


async def test_tokens_are_recorded(api_gateway, api):
    api.plays(answers(VECTORS))
    await api_gateway.rest.post("/v1/embeddings", json={"model": "api", "input": ["hello"]})

    got = (await api_gateway.rest.get("/api/usage/")).json()

    assert got["data"][0]["input_tokens"] == 3


async def test_another_endpoint_embeds_what_the_first_cannot(gateway, api):
    api.plays(answers({"error": {"message": "down"}}, 500))
    async with scripted_api() as other:
        other.plays(answers(VECTORS))
        await gateway.started_api("second", other.url)
        await gateway.started_api("first", api.url, fallbacks=["second"])

        got = await gateway.rest.post("/v1/embeddings", json={"model": "first", "input": "hello"})

    assert got.headers["x-gateway-endpoint"] == "second"


async def test_a_page_has_none(gateway):
    await gateway.started()

    got = await gateway.rest.post("/v1/embeddings", json={"model": "demo", "input": "hello"})

    assert (got.status_code, got.json()["error"]["param"]) == (400, "model")


@pytest.mark.parametrize(
    ("body", "param"),
    [({"input": "a"}, "model"), ({"model": "api"}, "input"), ({"model": "api", "input": []}, "input")],
)
async def test_what_is_missing_is_named(api_gateway, body, param):
    got = await api_gateway.rest.post("/v1/embeddings", json=body)

    assert (got.status_code, got.json()["error"]["param"]) == (400, param)
