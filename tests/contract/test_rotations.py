"""Rotations over REST."""

from __future__ import annotations

import pytest

from tests.contract.conftest import run_gateway

FAST = {
    "name": "fast",
    "strategy": "round_robin",
    "providers": [
        {"provider_id": "demo", "models": [{"name": "m", "weight": 3.0}], "weight": 1.0},
        {"provider_id": "other", "models": [], "weight": 1.0},
    ],
    "fallbacks": ["other/x"],
}


async def create(gateway, **changes):
    return await gateway.rest.post("/api/rotations/", json={**FAST, **changes})


@pytest.fixture
async def gateway(gateway):
    await gateway.create("Demo")
    await gateway.create("Other")
    return gateway


async def test_a_rotation_is_created_read_replaced_and_deleted(gateway):
    created = await create(gateway)
    assert (created.status_code, created.json()) == (201, FAST)
    assert (await gateway.rest.get("/api/rotations/")).json() == [FAST]

    changed = {**FAST, "strategy": "cost", "fallbacks": []}
    replaced = await gateway.rest.put("/api/rotations/fast", json=changed)
    assert (replaced.status_code, replaced.json()) == (200, changed)
    assert (await gateway.rest.get("/api/rotations/fast")).json() == changed

    assert (await gateway.rest.delete("/api/rotations/fast")).status_code == 204
    assert (await gateway.rest.get("/api/rotations/fast")).json()["error"]["code"] == "rotation_not_found"
    assert (await gateway.rest.delete("/api/rotations/fast")).status_code == 404


async def test_the_shape_that_other_gateways_use_is_taken(gateway):
    body = {
        "name": "balanced",
        "providers": [{"provider_id": "demo", "models": [{"name": "m", "weight": 1}]}],
    }

    created = await gateway.rest.post("/api/rotations/", json=body)

    assert created.status_code == 201
    assert created.json()["strategy"] == "weighted"


@pytest.mark.parametrize(
    ("changes", "status", "code", "param"),
    [
        ({"name": "demo"}, 409, "name_taken", "name"),
        ({"name": "a/b"}, 400, "invalid_request", "name"),
        ({"strategy": "best"}, 400, "invalid_request", "strategy"),
        ({"providers": [{"provider_id": "dmo"}]}, 400, "invalid_request", "providers.0.provider_id"),
        ({"fallbacks": ["fast"]}, 400, "invalid_request", "fallbacks.0"),
    ],
)
async def test_a_rotation_that_cannot_work_is_refused_by_field(gateway, changes, status, code, param):
    refused = await create(gateway, **changes)

    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (status, code, param)
    assert (await gateway.rest.get("/api/rotations/")).json() == []


async def test_a_name_belongs_to_one_rotation_and_to_no_endpoint_after_it(gateway):
    await create(gateway)

    again = await create(gateway)
    endpoint = await gateway.create("Fast")

    assert [reply.json()["error"]["code"] for reply in (again, endpoint)] == ["name_taken"] * 2
    assert "rotation 'fast'" in endpoint.json()["error"]["message"]


async def test_a_rotation_keeps_its_name(gateway):
    await create(gateway)

    renamed = await gateway.rest.put("/api/rotations/fast", json={**FAST, "name": "faster"})
    missing = await gateway.rest.put("/api/rotations/slow", json={**FAST, "name": "slow"})

    assert (renamed.status_code, renamed.json()["error"]["param"]) == (400, "name")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "rotation_not_found")


async def test_an_endpoints_fallbacks_exist_and_do_not_lead_back(gateway):
    await create(gateway)

    good = await gateway.rest.patch("/api/endpoints/demo", json={"fallbacks": ["fast", "other/x"]})
    circle = await gateway.rest.patch("/api/endpoints/other", json={"fallbacks": ["demo", "fast"]})
    nobody = await gateway.create("Third", fallbacks=["nobody"])

    assert (good.status_code, good.json()["fallbacks"]) == (200, ["fast", "other/x"])
    assert (circle.status_code, circle.json()["error"]["param"]) == (400, "fallbacks.0")
    assert (nobody.status_code, nobody.json()["error"]["param"]) == (400, "fallbacks.0")


async def test_prices_and_rest_after_failures_are_kept(gateway):
    said = {
        "prices": {"*": {"input": 0.5, "output": 1.5}},
        "disable_after_failures": 5,
        "disable_seconds": 60.0,
    }

    created = await gateway.create("Paid", **said)
    wrong = await gateway.create("Wrong", prices={"*": {"input": -1}})

    assert {name: created.json()[name] for name in said} == said
    assert wrong.json()["error"]["param"] == "prices.*.input"


async def test_rotations_outlive_the_gateway(tmp_path, database_url):
    async with run_gateway(tmp_path, database_url=database_url) as first:
        await first.create("Demo")
        await first.create("Other")
        await create(first)

    async with run_gateway(tmp_path, database_url=database_url) as second:
        assert (await second.rest.get("/api/rotations/fast")).json() == FAST
