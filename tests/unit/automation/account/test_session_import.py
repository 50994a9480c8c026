"""A session that a person brings is read, or refused by the name of the field at fault."""

import pytest

from automation.account.session_import import SessionImportError, find_session, parse_session

SITE = ["https://chat.example.com/c/new", "https://login.example.com/"]
COOKIE = {"name": "sid", "value": "secret-value", "domain": ".example.com"}


def test_a_storage_state_comes_back_as_playwright_takes_it():
    origin = {
        "origin": "https://chat.example.com",
        "localStorage": [{"name": "token", "value": "t"}],
        "indexedDB": [{"name": "db", "version": 1, "stores": []}],
    }

    state = parse_session({"cookies": [COOKIE], "origins": [origin]}, SITE)

    assert state["origins"] == [origin]
    assert state["cookies"] == [
        {**COOKIE, "path": "/", "expires": -1, "httpOnly": False, "secure": False, "sameSite": "Lax"}
    ]


def test_cookies_are_read_as_extensions_export_them():
    exported = {
        **COOKIE,
        "expirationDate": 1_900_000_000.5,
        "hostOnly": False,
        "httpOnly": True,
        "sameSite": "no_restriction",
        "session": False,
        "storeId": "0",
    }

    [cookie] = parse_session(
        [
            exported,
        ],
        SITE,
    )["cookies"]

    assert (cookie["expires"], cookie["httpOnly"], cookie["sameSite"]) == (1_900_000_000.5, True, "None")


@pytest.mark.parametrize(
    ("given", "means"),
    [("unspecified", "Lax"), (None, "Lax"), ("strict", "Strict"), ("lax", "Lax"), ("None", "None")],
)
def test_the_ways_to_say_same_site_mean_the_same(given, means):
    assert parse_session([{**COOKIE, "sameSite": given}], SITE)["cookies"][0]["sameSite"] == means


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("nonsense", "session"),
        ({"cookies": "x"}, "cookies"),
        ({"cookie": []}, "cookie"),
        ({}, "cookies"),
        ([{"name": "a", "value": "b"}], "cookies.0.domain"),
        ([{**COOKIE, "value": 3}], "cookies.0.value"),
        ([{**COOKIE, "sameSite": "sometimes"}], "cookies.0.sameSite"),
        ([{**COOKIE, "domain": "other.org"}], "cookies.0.domain"),
        ({"origins": [{"origin": "https://other.org"}]}, "origins.0.origin"),
        ({"origins": [{"origin": "chat.example.com"}]}, "origins.0.origin"),
        ({"origins": [{"origin": "http://["}]}, "origins.0.origin"),
        ([{**COOKIE, "name": "a b;="}], "cookies.0.name"),
        ([{**COOKIE, "value": "x\ny"}], "cookies.0.value"),
        ([{**COOKIE, "value": "\ud800"}], "cookies.0.value"),
        ([{**COOKIE, "path": "nope"}], "cookies.0.path"),
        ([{**COOKIE, "expires": -7}], "cookies.0.expires"),
        ([{**COOKIE, "expires": float("nan")}], "cookies.0.expires"),
    ],
)
def test_what_is_no_session_for_the_site_is_refused_by_its_field_and_shows_no_secret(value, field):
    with pytest.raises(SessionImportError) as caught:
        parse_session(value, SITE)

    assert caught.value.field == field
    assert "secret-value" not in str(caught.value)


@pytest.mark.parametrize("domain", ["chat.example.com", ".example.com", "api.chat.example.com"])
def test_cookies_of_the_site_its_parents_and_its_children_belong_to_it(domain):
    assert parse_session([{**COOKIE, "domain": domain}], SITE)["cookies"]


OWN_COOKIE = {"name": "session", "value": "abc123", "domain": ".example.com"}


def test_a_cookie_gets_what_it_leaves_out():
    state = find_session({"cookies": [OWN_COOKIE]}, "https://chat.example.com/")

    assert state == {
        "cookies": [
            {**OWN_COOKIE, "path": "/", "expires": -1, "httpOnly": False, "secure": True, "sameSite": "Lax"}
        ],
        "origins": [],
    }


def test_a_cookie_without_a_domain_is_the_pages_own():
    state = find_session({"cookies": [{"name": "a", "value": "b"}]}, "http://127.0.0.1:8/x")

    assert state is not None
    assert (state["cookies"][0]["domain"], state["cookies"][0]["secure"]) == ("127.0.0.1", False)


def test_a_storage_state_is_taken_as_it_is():
    state = {"cookies": [OWN_COOKIE], "origins": [{"origin": "https://a", "localStorage": []}]}

    assert find_session({"storage_state": state}, "https://a/") == state
    assert find_session({"token": "x"}, "https://a/") is None


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
        find_session(credentials, "https://a/")
    assert "abc" not in str(caught.value)


def test_a_program_may_bring_one_cookie_another_sites_and_an_empty_session():
    one = {"name": "a", "value": "b", "domain": "login.other.org", "sameSite": "no_restriction"}

    state = find_session({"cookies": one}, "https://chat.example.com/")

    assert state is not None
    assert (state["cookies"][0]["domain"], state["cookies"][0]["sameSite"]) == ("login.other.org", "None")
    assert find_session({"storage_state": {"cookies": []}}, "https://a/") == {
        "cookies": [],
        "origins": [],
    }


@pytest.mark.parametrize(
    "credentials", [{"cookies": [{"name": "a b", "value": "c"}]}, {"storage_state": {"cookies": [{}]}}]
)
def test_a_programs_cookies_are_as_strict_as_anybodys(credentials):
    with pytest.raises(SessionImportError) as caught:
        find_session(credentials, "https://a/")

    assert caught.value.field == "cookies.0.name"
