"""A program's cookies become a session of the browser."""

from __future__ import annotations

import pytest

from automation.library.sessions import MemorySession, parse_credentials_session

COOKIE = {"name": "session", "value": "abc123", "domain": ".example.com"}


def test_a_cookie_gets_what_it_leaves_out():
    state = parse_credentials_session({"cookies": [COOKIE]}, "https://chat.example.com/")

    assert state == {
        "cookies": [
            {**COOKIE, "path": "/", "expires": -1, "httpOnly": False, "secure": True, "sameSite": "Lax"}
        ],
        "origins": [],
    }


def test_a_cookie_without_a_domain_is_the_pages_own():
    state = parse_credentials_session({"cookies": [{"name": "a", "value": "b"}]}, "http://127.0.0.1:8/x")

    assert state is not None
    assert (state["cookies"][0]["domain"], state["cookies"][0]["secure"]) == ("127.0.0.1", False)


def test_a_storage_state_is_taken_as_it_is():
    state = {"cookies": [COOKIE], "origins": [{"origin": "https://a", "localStorage": []}]}

    assert parse_credentials_session({"storage_state": state}, "https://a/") == state
    assert parse_credentials_session({"token": "x"}, "https://a/") is None


@pytest.mark.parametrize(
    "credentials",
    [
        {"cookies": "a=b"},
        {"cookies": [{"name": "a"}]},
        {"storage_state": []},
        {"storage_state": {"cookies": 1}},
    ],
)
def test_what_is_no_session_is_refused(credentials):
    with pytest.raises(ValueError, match=r"cookies|storage_state") as caught:
        parse_credentials_session(credentials, "https://a/")
    assert "abc" not in str(caught.value)


async def test_a_session_is_kept_until_it_is_forgotten():
    store = MemorySession()

    await store.save({"cookies": [], "origins": []})
    kept = await store.load()
    await store.clear()

    assert kept == {"cookies": [], "origins": []}
    assert await store.load() is None
