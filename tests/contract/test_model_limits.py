"""Limits of an API's models: each rests by itself, and the others of the endpoint are asked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.scripted_api import Asked, ScriptedApi, Step, answers, completion, serving

MODELS = ("small", "large")
SLOW = {"error": {"message": "too many requests for this model", "code": "rate_limit_exceeded"}}
UNPAID = {"error": {"message": "you have run out of credit", "code": "insufficient_quota"}}


class LimitedApi(ScriptedApi):
    """Answers each model with the script of its name."""

    by_model: dict[str, list[Step]]

    def script_for(self, asked: Asked) -> list[Step]:
        return list(self.by_model[asked.json["model"]])

    def asked_models(self) -> list[str]:
        return [asked.json["model"] for asked in self.asked]


@pytest.fixture
async def api():
    async with serving(LimitedApi(models=MODELS)) as running:
        running.by_model = {
            "small": says(SLOW, 429, retry_after="40"),
            "large": says(completion("from large")),
        }
        yield running


def says(document: Any, status: int = 200, **headers: str) -> list[Step]:
    """A whole response, after which the connection is not used again."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return answers(document, status, {**told, "connection": "close"})


def text_of(response: Any) -> str:
    said: str = response.json()["choices"][0]["message"]["content"]
    return said


async def test_a_limit_of_one_model_keeps_no_request_from_the_others(api_gateway, api):
    first = await api_gateway.ask(model="api/small")
    again = await api_gateway.ask(model="api/small")
    other = await api_gateway.ask(model="api/large")

    assert [first.status_code, again.status_code] == [429, 429]
    assert 1 <= int(again.headers["retry-after"]) <= 40
    assert text_of(other) == "from large"
    assert api.asked_models() == ["small", "large"]
    document = (await api_gateway.rest.get("/api/endpoints/api")).json()
    assert document["state"] == "active"
    assert list(document["limited_models"]) == ["small"]


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_rotation_falls_back_on_another_model_of_the_same_endpoint(api_gateway, api, is_streamed):
    if is_streamed:
        api.by_model["large"] = says({"error": {"message": "no", "code": "invalid"}}, 400)
    providers = [{"provider_id": "api", "models": [{"name": "small"}]}]
    rotation = {"name": "both", "providers": providers, "fallbacks": ["api/large"]}
    assert (await api_gateway.rest.post("/api/rotations/", json=rotation)).status_code == 201

    for _ in range(2):
        response = await api_gateway.ask(model="both", stream=is_streamed)
        assert response.status_code == (400 if is_streamed else 200)

    assert api.asked_models() == ["small", "large", "large"]


async def test_an_endpoint_falls_back_on_another_of_its_models(api_gateway, api):
    changed = await api_gateway.rest.patch("/api/endpoints/api", json={"fallbacks": ["api/large"]})
    assert changed.status_code == 200, changed.text

    response = await api_gateway.ask(model="api/small")

    assert text_of(response) == "from large"
    assert api.asked_models() == ["small", "large"]


async def test_the_endpoint_is_rate_limited_when_all_of_its_models_rest_and_a_restart_ends_it(
    api_gateway, api
):
    api.by_model = dict.fromkeys(MODELS, says(SLOW, 429, retry_after="4000"))

    for model in MODELS:
        await api_gateway.ask(model=f"api/{model}")
    resting = await api_gateway.state("api")
    api.by_model["small"] = says(completion("back"))
    await api_gateway.rest.post("/api/endpoints/api/restart")
    await api_gateway.wait_for("api", "active")

    assert resting == "rate_limited"
    assert text_of(await api_gateway.ask(model="api/small")) == "back"


@pytest.mark.parametrize(
    ("status", "document", "state"),
    [
        (402, UNPAID, "rate_limited"),
        (429, UNPAID, "rate_limited"),
        (401, {"error": {"message": "wrong key"}}, "authentication_required"),
    ],
)
async def test_what_concerns_the_key_keeps_every_request_away(api_gateway, api, status, document, state):
    api.by_model["small"] = says(document, status)

    await api_gateway.ask(model="api/small")
    other = await api_gateway.ask(model="api/large")

    assert other.status_code in {429, 503}
    assert await api_gateway.state("api") == state
    assert api.asked_models() == ["small"]


async def test_a_model_is_asked_again_when_its_limit_is_over(api_gateway, api):
    api.by_model["small"] = says(SLOW, 429, retry_after_ms="1")
    api.by_model["large"] = says(SLOW, 429, retry_after="4000")

    await api_gateway.ask(model="api/large")
    await api_gateway.ask(model="api/small")
    await api_gateway.wait_for("api", "active")
    api.by_model["small"] = says(completion("back"))

    assert text_of(await api_gateway.ask(model="api/small")) == "back"
