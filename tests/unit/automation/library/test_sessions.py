"""A program's session lasts as long as the program."""

from __future__ import annotations

from automation.library.sessions import MemorySession


async def test_a_session_is_kept_until_it_is_forgotten():
    store = MemorySession()

    await store.save({"cookies": [], "origins": []})
    kept = await store.load()
    await store.clear()

    assert kept == {"cookies": [], "origins": []}
    assert await store.load() is None
