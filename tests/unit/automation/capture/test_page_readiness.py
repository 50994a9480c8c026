"""A page takes a prompt when it has what it asked for and its sockets are connected; one that never is doesn't hold it up."""

import anyio
import pytest

from automation.capture import page_readiness
from automation.capture.page_readiness import PageReadiness


async def is_ready_within(page, limit_s):
    """Whether the page gets ready in this time."""
    with anyio.move_on_after(limit_s) as waiting:
        await page.until_ready()
    return not waiting.cancelled_caught


async def test_a_page_that_asked_for_nothing_is_ready():
    assert await is_ready_within(PageReadiness(), 60)


async def test_a_page_that_was_just_loaded_is_waited_for_until_it_has_what_it_asked_for():
    page = PageReadiness()
    page.request_left("Document", "d")
    page.request_left("Script", "s")
    page.request_over("d")

    early = await is_ready_within(page, page_readiness._LOADED_REST_S * 2)
    page.request_over("s")

    assert early is False
    assert await is_ready_within(page, 60)


@pytest.mark.parametrize("kind", ["Image", "EventSource", None])
async def test_what_has_nothing_to_do_with_loading_is_not_waited_for(kind):
    page = PageReadiness()
    page.request_left("Document", "d")
    page.request_over("d")
    page.request_left(kind, "x")

    assert await is_ready_within(page, 60)


async def test_a_page_that_was_loaded_a_while_ago_is_not_waited_for(monkeypatch):
    page = PageReadiness()
    page.request_left("Document", "d")
    monkeypatch.setattr(page_readiness, "_LOADS_S", 0.0)

    assert await is_ready_within(page, 60)


async def test_a_handshake_that_hangs_is_waited_for_once(monkeypatch):
    page = PageReadiness()
    page.socket_opened("7")
    early = await is_ready_within(page, 0.1)
    monkeypatch.setattr(page_readiness, "_HANDSHAKE_S", 0.0)

    assert early is False
    assert await is_ready_within(page, 60)
