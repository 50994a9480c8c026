"""Model names: endpoints, their models and aliases, over all endpoints and pinned to one."""

from __future__ import annotations

from typing import Any

import openai
import pytest

MESSAGES: Any = [{"role": "user", "content": "Hello"}]


@pytest.fixture
async def two(gateway):
    """Endpoint ``deepseek`` with two models and an alias, endpoint ``plain`` without a choice of models."""
    gateway.site.model_names = ("deepseek-chat", "deepseek-reasoner")
    await gateway.started("DeepSeek", model_mapping={"gpt-4": "deepseek-chat"}, default_model="deepseek-chat")
    gateway.site.model_names = ()
    await gateway.started("Plain")
    return gateway


async def test_models_lists_every_name_that_works(two):
    listed = [m.id async for m in two.openai.models.list()]

    for name in listed:
        assert (await two.ask(model=name)).status_code == 200, name
    assert listed == ["deepseek", "deepseek/deepseek-chat", "deepseek/deepseek-reasoner", "gpt-4", "plain"]


async def test_a_model_is_found_by_its_name_with_a_slash(two):
    model = await two.openai.models.retrieve("deepseek/deepseek-reasoner")

    assert (model.id, model.object, model.owned_by) == ("deepseek/deepseek-reasoner", "model", "deepseek")


@pytest.mark.parametrize(
    ("name", "answered_by", "told_to_site"),
    [
        ("deepseek", "deepseek/deepseek-chat", "deepseek-chat"),
        ("deepseek/deepseek-reasoner", "deepseek/deepseek-reasoner", "deepseek-reasoner"),
        ("deepseek/gpt-4", "deepseek/deepseek-chat", "deepseek-chat"),
        ("gpt-4", "deepseek/deepseek-chat", "deepseek-chat"),
        ("plain", "plain", None),
    ],
)
async def test_a_name_chooses_endpoint_and_model_and_the_answer_says_which(
    two, name, answered_by, told_to_site
):
    got = await two.openai.chat.completions.create(model=name, messages=MESSAGES)

    assert got.model == answered_by
    assert two.site.prompts[-1].model == told_to_site


async def test_an_unknown_model_is_a_404_that_lists_close_names(two):
    with pytest.raises(openai.NotFoundError) as caught:
        await two.openai.chat.completions.create(model="deepseek/deepseek-chaat", messages=MESSAGES)

    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    assert "deepseek/deepseek-chat" in str(caught.value)


@pytest.mark.parametrize("name", ["plain/gpt-5", "deepseek/gpt-5", "nothing"])
async def test_a_name_that_nothing_has_is_never_answered_by_something_else(two, name):
    assert (await two.ask(model=name)).json()["error"]["code"] == "model_not_found"
    assert (await two.rest.get(f"/v1/models/{name}")).status_code == 404
    assert two.site.prompts == []


async def test_a_pinned_route_takes_bare_model_names_or_none(two):
    async with openai.AsyncOpenAI(
        base_url=f"{two.url}/api/deepseek",
        api_key="x",
        timeout=200,
        http_client=openai.DefaultAsyncHttpxClient(verify=False),
    ) as pinned:
        got = await pinned.chat.completions.create(model="deepseek-reasoner", messages=MESSAGES)
        listed = [m.id async for m in pinned.models.list()]
    without = await two.rest.post("/api/plain/chat/completions", json={"messages": MESSAGES})

    assert got.model == "deepseek/deepseek-reasoner"
    assert listed == ["deepseek", "deepseek/deepseek-chat", "deepseek/deepseek-reasoner", "gpt-4"]
    assert without.json()["model"] == "plain"


async def test_a_pinned_route_does_not_reach_other_endpoints(two):
    other = await two.rest.post(
        "/api/plain/chat/completions", json={"model": "deepseek", "messages": MESSAGES}
    )
    nobody = await two.rest.post("/api/nobody/chat/completions", json={"messages": MESSAGES})

    assert other.json()["error"]["code"] == "model_not_found"
    assert nobody.json()["error"]["code"] == "endpoint_not_found"
    assert (await two.rest.get("/api/nobody/models")).status_code == 404
