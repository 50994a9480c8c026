"""Alerts of a running gateway, to a real web server."""

from __future__ import annotations

from automation.errors import AccountBannedError, SignInRequiredError, SiteChangedError
from tests.contract.conftest import run_gateway
from tests.fakes.alert_receivers import run_hook
from tests.fakes.scripted_provider import ScriptedSite, echoes, plays


async def test_a_person_hears_that_an_endpoint_needs_one_and_that_it_works_again(tmp_path, unused_tcp_port):
    site = ScriptedSite()
    async with (
        run_hook(unused_tcp_port) as hook,
        run_gateway(tmp_path, site, alert_webhook_url=hook.url, alert_min_interval=0) as gateway,
    ):
        await gateway.started()
        site.script = plays(SiteChangedError("input", "compose"))
        assert (await gateway.ask()).status_code == 502
        await hook.wait_for(1)
        site.script = echoes
        assert (await gateway.ask()).status_code == 200
        error, recovered = await hook.wait_for(2)

    assert (error["event"], error["endpoint"]) == ("endpoint.error", "demo")
    assert "input" in error["reason"]
    assert (recovered["event"], recovered["reason"]) == ("endpoint.recovered", None)


async def test_a_banned_account_is_told_as_such_and_a_sign_in_as_another_thing(tmp_path, unused_tcp_port):
    site = ScriptedSite(opening_failures=[AccountBannedError("closed"), SignInRequiredError("expired")])
    async with (
        run_hook(unused_tcp_port) as hook,
        run_gateway(tmp_path, site, alert_webhook_url=hook.url) as gateway,
    ):
        await gateway.create()
        for count in (1, 2):
            await gateway.rest.post("/api/endpoints/demo/restart")
            await hook.wait_for(count)

    assert [body["state"] for body in hook.bodies] == ["banned", "authentication_required"]


async def test_a_receiver_that_is_gone_stops_nothing(tmp_path, unused_tcp_port):
    site = ScriptedSite()
    address = f"http://127.0.0.1:{unused_tcp_port}/"
    async with run_gateway(tmp_path, site, alert_webhook_url=address) as gateway:
        await gateway.started()
        site.script = plays(SiteChangedError("input", "compose"))
        failed = await gateway.ask()
        site.script = echoes
        answered = await gateway.ask()

    assert (failed.status_code, answered.status_code) == (502, 200)


async def test_nobody_hears_of_an_endpoint_that_works(tmp_path, unused_tcp_port):
    async with (
        run_hook(unused_tcp_port) as hook,
        run_gateway(tmp_path, alert_webhook_url=hook.url) as gateway,
    ):
        await gateway.started()
        await gateway.ask()
        await gateway.rest.post("/api/endpoints/demo/stop")

    assert hook.bodies == []
