from __future__ import annotations

import asyncio
import signal

import pytest

from tests.fakes.bounded_server import GET, EchoApp, serve_bounded


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
async def test_the_second_signal_cuts_answers_and_the_third_lets_go_of_everything(second):
    async with serve_bounded(EchoApp()) as serving:
        server, ending = serving.server, serving.server._ending
        ending.enter()
        server._grace_s = 3600.0
        server.handle_exit(signal.SIGTERM, None)
        async with asyncio.timeout(60):
            while not ending.is_begun:
                await asyncio.sleep(0.01)
        is_cut_early = ending.is_cut
        server.handle_exit(second, None)
        async with asyncio.timeout(60):
            while not ending.is_cut:
                await asyncio.sleep(0.01)
        is_forced_early = server.force_exit
        server.handle_exit(signal.SIGINT, None)
        ending.leave()

    assert (is_cut_early, is_forced_early, server.force_exit) == (False, False, True)


async def test_while_answers_are_let_finish_the_address_still_answers():
    async with serve_bounded(EchoApp()) as serving:
        server = serving.server
        server._ending.enter()
        server._grace_s = 3600.0
        server.should_exit = True
        async with asyncio.timeout(60):
            while not server._ending.is_begun:
                await asyncio.sleep(0.01)
        client = await serving.connect()
        await client.say(GET)
        answer = await client.answer()
        server._ending.leave()

    assert answer.startswith(b"HTTP/1.1 200")
