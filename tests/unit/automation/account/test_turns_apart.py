"""Turns of one account that nothing on the wire tells apart are taken one after the other."""

import anyio
import pytest
from anyio.lowlevel import checkpoint

from automation.account.turns_apart import TurnsApart
from automation.errors import PoolFullError
from automation.profiles.wire_format import Wire

ANONYMOUS = Wire(decoder="json_socket", urls="*", text_path="t", end="e==1", request="type==ask")
NAMED = Wire(decoder="json_socket", urls="*", text_path="t", end="e==1", request="type==ask", id_path="id")
BY_HTTP = Wire(decoder="openai_sse", urls="*")


async def most_at_once(turns):
    running = most = 0

    async def take():
        nonlocal running, most
        async with turns.turn(60.0):
            running += 1
            most = max(most, running)
            await checkpoint()
            running -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(take)
    return most


@pytest.mark.parametrize(("wire", "most"), [(ANONYMOUS, 1), (NAMED, 3), (BY_HTTP, 3), (None, 3)])
async def test_only_a_socket_without_ids_needs_its_turns_apart(wire, most):
    assert await most_at_once(TurnsApart(wire)) == most


async def test_whoever_waits_too_long_is_told_so():
    turns = TurnsApart(ANONYMOUS)

    async with turns.turn(None):
        with pytest.raises(PoolFullError):
            async with turns.turn(0.0):
                pass


async def test_what_is_left_of_a_turn_may_be_heard_in_the_next_one_alone():
    turns = TurnsApart(ANONYMOUS)
    with pytest.raises(RuntimeError):
        async with turns.turn(None):
            raise RuntimeError

    async with turns.turn(None):
        in_the_next = turns.may_hear_last

    assert (in_the_next, turns.may_hear_last) == (True, False)
