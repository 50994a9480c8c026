"""The sign-in's routes, its live view's page and sockets: who gets in, for how long, and what they are told."""

from __future__ import annotations

import json
import logging
import struct
from typing import Any

import anyio
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from automation.browser.pool import BrowserPool
from backend.observability.logs import quiet_libraries
from tests.fakes.live_gateway import PATH, LiveGateway, open_live_gateway, person_before
from tests.fakes.sign_in_site import MAGENTA, SignInSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

KEY = "sk-parley-test"
LIVE = "/api/endpoints/demo/accounts/ada/live"


def socket_of(gateway: LiveGateway, path: str, **options: Any) -> connect:
    return connect(gateway.url.replace("http", "ws") + path, proxy=None, **options)


async def told(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next JSON message of this kind."""
    with anyio.fail_after(200):
        while True:
            message = await socket.recv()
            if isinstance(message, str) and json.loads(message)["kind"] == kind:
                document: dict[str, Any] = json.loads(message)
                return document


async def closing_code(socket: ClientConnection) -> int | None:
    with anyio.fail_after(200):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as exc:
            return exc.rcvd.code if exc.rcvd else None


async def ticket_of(gateway: LiveGateway) -> str:
    page = await gateway.rest.get((await gateway.start())["live"]["path"])
    return page.text.split('name="ticket" content="')[1].split('"')[0]


async def test_a_link_works_once_and_says_then_what_to_do(browsers: BrowserPool):
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp") as gateway:
        path = (await gateway.start())["live"]["path"]
        first = await gateway.rest.get(path)
        again = await gateway.rest.get(path)
        other = await gateway.rest.get("/live/never-issued")

    assert first.status_code == 200
    assert "demo / ada" in first.text
    for gone in (again, other):
        assert gone.status_code == 410
        assert "live_token_expired" in gone.text
        assert "sign-in/link" in gone.text


async def test_the_page_may_load_nothing_foreign_be_framed_by_nobody_and_is_not_stored(browsers: BrowserPool):
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp") as gateway:
        page = await gateway.rest.get((await gateway.start())["live"]["path"])
        files = [
            await gateway.rest.get(f"/live-page/{name}") for name in ("live.js", "live.css", "live.html")
        ]

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert [file.status_code for file in files] == [200, 200, 404]


async def test_a_new_link_makes_the_one_before_void(browsers: BrowserPool):
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp") as gateway:
        first = (await gateway.start())["live"]
        second = (await gateway.rest.post(f"{PATH}/link")).json()
        opened = [(await gateway.rest.get(live["path"])).status_code for live in (first, second)]

    assert opened == [410, 200]
    assert second["expires_in_s"] == 600


async def test_a_second_sign_in_of_an_account_is_refused_and_unknown_ones_are_not_found(
    browsers: BrowserPool,
):
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp") as gateway:
        before = await gateway.rest.get(PATH)
        await gateway.start()
        again = await gateway.rest.post(PATH, json={})
        unknown = await gateway.rest.post(PATH.replace("demo", "other"), json={})
        wrong = await gateway.rest.post(PATH, json={"mode": "magic"})
        cancelled = (await gateway.rest.post(f"{PATH}/cancel")).json()
        link = await gateway.rest.post(f"{PATH}/link")

    codes = [
        (answer.status_code, answer.json()["error"]["code"])
        for answer in (before, again, unknown, wrong, link)
    ]
    assert codes == [
        (404, "sign_in_not_found"),
        (409, "sign_in_running"),
        (404, "endpoint_not_found"),
        (400, "invalid_request"),
        (400, "invalid_request"),
    ]
    assert cancelled["state"] == "cancelled"


async def test_who_says_too_early_that_they_are_done_gets_an_error_and_goes_on(browsers: BrowserPool):
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp") as gateway:
        await gateway.start()
        answer = await gateway.rest.post(f"{PATH}/complete")
        state = await gateway.state()

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "sign_in_required")
    assert state == "waiting"


async def test_a_form_without_credentials_is_refused_and_told(browsers: BrowserPool):
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp") as gateway:
        started = await gateway.start("form")
        document = await gateway.until_state("refused")

    assert started["live"] is None
    assert "no credentials" in document["reason"]


async def test_frames_come_with_the_pages_size_and_input_out_of_bounds_is_answered(browsers: BrowserPool):
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp") as gateway:
        await gateway.start()
        async with socket_of(gateway, LIVE) as socket:
            with anyio.fail_after(200):
                while isinstance(frame := await socket.recv(), str):
                    pass
            await socket.send('{"kind":"pointer","action":"move","x":-5,"y":0}')
            problem = await told(socket, "problem")
            await socket.send('{"kind":"navigate","to":"reload"}')
            await told(socket, "page")

    width, height, _ = struct.unpack(">HHd", frame[:12])
    assert (width, height > 500) == (1366, True)
    assert frame[12:14] == b"\xff\xd8"
    assert "greater than or equal to 0" in problem["message"]


async def test_who_comes_second_takes_over_and_the_first_is_told(browsers: BrowserPool):
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp") as gateway:
        await gateway.start()
        async with socket_of(gateway, LIVE) as first:
            await told(first, "page")
            async with socket_of(gateway, LIVE) as second:
                code = await closing_code(first)
                await told(second, "page")

    assert code == 4001


async def test_a_view_in_which_nobody_does_anything_closes_and_the_sign_in_goes_on(browsers: BrowserPool):
    async with (
        SignInSite.open() as site,
        open_live_gateway(browsers, site, "totp", view_idle_s=1.0) as gateway,
    ):
        await gateway.start()
        async with socket_of(gateway, LIVE) as socket:
            await socket.send('{"kind":"seen"}')
            code = await closing_code(socket)
        state = await gateway.state()

    assert (code, state) == (4002, "waiting")


async def test_with_authentication_on_rest_and_the_accounts_socket_ask_for_the_key(browsers: BrowserPool):
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp", key=KEY) as gateway:
        path = (await gateway.start())["live"]["path"]
        gateway.rest.headers.pop("authorization")
        without = await gateway.rest.get(PATH)
        page = await gateway.rest.get(path)
        with pytest.raises(InvalidStatus) as refused:
            async with socket_of(gateway, LIVE):
                pass
        async with socket_of(gateway, LIVE, additional_headers={"authorization": f"Bearer {KEY}"}) as socket:
            await told(socket, "page")

    assert (without.status_code, page.status_code) == (401, 200)
    assert refused.value.response.status_code == 403


async def test_the_pages_socket_asks_for_its_ticket(browsers: BrowserPool):
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp", key=KEY) as gateway:
        ticket = await ticket_of(gateway)
        codes = []
        for wrong in ('{"ticket":"guessed"}', '{"ticket":1}', "ticket"):
            async with socket_of(gateway, "/live/socket") as socket:
                await socket.send(wrong)
                codes.append(await closing_code(socket))
        async with socket_of(gateway, "/live/socket") as socket:
            await socket.send(json.dumps({"ticket": ticket}))
            status = await told(socket, "status")

    assert codes == [1008, 1008, 1008]
    assert status["state"] == "waiting"


async def test_a_foreign_page_can_not_open_the_socket(browsers: BrowserPool):
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp") as gateway:
        await gateway.start()
        with pytest.raises(InvalidStatus) as refused:
            async with socket_of(gateway, LIVE, origin="https://evil.example"):
                pass

    assert refused.value.response.status_code == 403


async def test_neither_token_nor_ticket_nor_what_is_typed_is_logged(
    browsers: BrowserPool, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    quiet_libraries()
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp") as gateway:
        path = (await gateway.start())["live"]["path"]
        page = await gateway.rest.get(path)
        ticket = page.text.split('name="ticket" content="')[1].split('"')[0]
        async with socket_of(gateway, "/live/socket") as socket:
            await socket.send(json.dumps({"ticket": ticket}))
            await told(socket, "status")
            await socket.send('{"kind":"text","text":"a-password"}')
            await socket.send('{"kind":"navigate","to":"reload"}')
            await told(socket, "page")

    logged = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert "request_finished" in logged
    assert ticket not in logged
    assert "a-password" not in logged
    assert path.removeprefix("/live/") not in logged


async def test_cancel_in_the_page_ends_the_sign_in(browsers: BrowserPool):
    async with (
        SignInSite.open() as site,
        open_live_gateway(browsers, site, "totp") as gateway,
        person_before(browsers, await gateway.link()) as person,
    ):
        await person.find(MAGENTA)
        await person.page.get_by_role("button", name="Cancel").click()
        ended = await gateway.until_state("cancelled")
        await person.page.get_by_text("Cancelled. You can close this page.").wait_for()

    assert ended["state"] == "cancelled"
    assert (site.signed_in, await gateway.sessions.load()) == ([], None)


async def test_done_too_early_is_explained_in_the_page(browsers: BrowserPool):
    async with (
        SignInSite.open() as site,
        open_live_gateway(browsers, site, "totp") as gateway,
        person_before(browsers, await gateway.link()) as person,
    ):
        await person.find(MAGENTA)
        await person.page.get_by_role("button", name="Done").click()
        await person.page.get_by_text("does not show its chat yet").wait_for()
        await person.find(MAGENTA)
        state = await gateway.state()

    assert state == "waiting"
    assert site.signed_in == []


async def test_a_page_that_comes_back_after_its_line_broke_goes_on(browsers: BrowserPool):
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp") as gateway:
        ticket = await ticket_of(gateway)
        seen = []
        for _ in range(2):
            async with socket_of(gateway, "/live/socket") as socket:
                await socket.send(json.dumps({"ticket": ticket}))
                seen.append(await told(socket, "page"))

    assert seen[0]["url"] == seen[1]["url"]


async def test_a_gateway_that_stops_in_the_middle_leaves_no_page(browsers: BrowserPool):
    async with SignInSite.open() as site, open_live_gateway(browsers, site, "totp") as gateway:
        await gateway.start()
        async with socket_of(gateway, LIVE) as socket:
            await told(socket, "page")

    assert browsers.status()["pages"] == 0


async def test_the_address_that_an_error_names_leads_to_the_live_view(browsers: BrowserPool):
    async with (
        SignInSite.open() as site,
        open_live_gateway(browsers, site, "totp") as gateway,
        person_before(browsers, f"{gateway.url}/sign-in/demo/ada") as person,
    ):
        await person.page.get_by_role("button", name="Sign in").click()
        await person.find(MAGENTA)
        # Whoever opens it again joins the sign-in that goes on.
        first = gateway.sign_ins.get("demo", "ada")
        await person.page.goto(f"{gateway.url}/sign-in/demo/ada")
        await person.page.get_by_role("button", name="Sign in").click()
        await person.find(MAGENTA)

        assert gateway.sign_ins.get("demo", "ada") is first


async def test_with_authentication_on_the_address_asks_for_the_key(browsers: BrowserPool):
    async with (
        SignInSite.open() as site,
        open_live_gateway(browsers, site, "totp", key=KEY) as gateway,
        person_before(browsers, f"{gateway.url}/sign-in/demo/ada") as person,
    ):
        await person.page.get_by_role("button", name="Sign in").click()
        await person.page.get_by_text("Missing or wrong API key").wait_for()
        await person.page.get_by_label("API key").fill(KEY)
        await person.page.get_by_role("button", name="Sign in").click()
        await person.find(MAGENTA)
        state = await gateway.state()

    assert state == "waiting"


async def test_an_address_of_no_account_says_so(browsers: BrowserPool):
    async with (
        SignInSite.open() as site,
        open_live_gateway(browsers, site, "totp") as gateway,
        person_before(browsers, f"{gateway.url}/sign-in/other/ada") as person,
    ):
        await person.page.get_by_role("button", name="Sign in").click()
        await person.page.get_by_text("There is no endpoint").wait_for()
        address = person.page.url

    assert address.endswith("/sign-in/other/ada")
