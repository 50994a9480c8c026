"""What Prometheus is told, and who may ask."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend.providers.registry import open_providers
from tests.contract.conftest import RunningGateway, run_gateway
from tests.fakes.chat_site import FakeChatSite, profile_data


async def samples(gateway: RunningGateway) -> dict[str, float]:
    """Return every sample as ``name{label="value"}``."""
    got = await gateway.rest.get("/metrics")
    assert got.headers["content-type"].startswith("text/plain; version=")
    return {
        sample.name + ",".join(["", *(f"{k}={v}" for k, v in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(got.text)
        for sample in family.samples
    }


async def test_turns_are_counted_by_endpoint_and_outcome(gateway):
    await gateway.started()
    await gateway.ask()
    await gateway.ask()

    told = await samples(gateway)

    assert told["parley_turns_total,endpoint=demo,outcome=finished"] == 2
    assert told["parley_turns_total,endpoint=demo,outcome=cancelled"] == 0
    assert told["parley_turn_seconds_count,endpoint=demo"] == 2
    assert told["parley_turn_seconds_bucket,endpoint=demo,le=600.0"] == 2
    assert told["parley_turns_running,endpoint=demo"] == 0


async def test_with_authentication_on_metrics_need_the_key(tmp_path, site):
    async with run_gateway(tmp_path, site, auth="on") as gateway:
        without = await gateway.rest.get("/metrics")

    assert without.status_code == 401


@pytest.mark.browser
async def test_pages_and_browsers_are_counted(tmp_path):
    async with FakeChatSite.open() as page, run_gateway(tmp_path, providers=open_providers) as gateway:
        await gateway.started(base_url=page.url, profile=profile_data("fetch-sse"), max_concurrent_requests=1)
        await gateway.ask("[[echo:hello]]")

        told = await samples(gateway)

    assert told["parley_browsers"] == 1
    assert told["parley_browser_pages"] == 1
    assert told["parley_browser_pages_limit"] == 12
    assert sum(value for name, value in told.items() if name.startswith("parley_pages,endpoint=demo")) == 1
    assert told["parley_turns_waiting,endpoint=demo"] == 0
