"""Many requests go to an API at once, and no cookie goes back to it."""

from __future__ import annotations

import anyio
from aiohttp import web
from aiohttp.test_utils import TestServer

from backend.providers.api.client_session import open_api_session

_MANY = 120  # aiohttp alone lets a hundred through


async def test_requests_do_not_wait_for_each_other_and_cookies_are_not_kept():
    here, all_here, cookies = 0, anyio.Event(), set()

    async def answer(request: web.Request) -> web.Response:
        nonlocal here
        here += 1
        cookies.add(request.headers.get("cookie"))
        if here >= _MANY:
            all_here.set()
        await all_here.wait()
        response = web.Response()
        response.set_cookie("sid", "x")
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server, open_api_session() as session:

        async def ask() -> None:
            async with session.get(server.make_url("/")) as response:
                assert response.status == 200

        async with anyio.create_task_group() as tasks:
            for _ in range(_MANY):
                tasks.start_soon(ask)
        await ask()

    assert here == _MANY + 1
    assert cookies == {None}
