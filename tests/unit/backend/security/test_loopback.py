from __future__ import annotations

import pytest

from backend.security.loopback import (
    host_name,
    is_authority,
    is_host_allowed,
    is_loopback_name,
    is_origin_allowed,
)


@pytest.mark.parametrize(
    "name", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]"]
)
def test_names_of_this_machine_are_loopback(name):
    assert is_loopback_name(name)


@pytest.mark.parametrize(
    "name", ["", "0.0.0.0", "example.com", "localhost.example.com", "10.0.0.1", "::", "127.1.evil"]
)
def test_other_names_are_not_loopback(name):
    assert not is_loopback_name(name)


@pytest.mark.parametrize(
    ("authority", "host"), [("A.example:80", "a.example"), ("[::1]:80", "::1"), ("[::1", ""), ("", "")]
)
def test_the_host_of_an_authority_has_no_port(authority, host):
    assert host_name(authority) == host


@pytest.mark.parametrize(
    ("authority", "allowed", "is_allowed"),
    [
        ("localhost:1", (), True),
        ("gateway.lan:1", ("gateway.lan",), True),
        ("gateway.lan:1", ("gateway.lan:8000",), True),
        ("evil.example", ("gateway.lan",), False),
        ("evil.example", ("*",), True),
        ("", ("gateway.lan",), False),
    ],
)
def test_a_host_is_allowed_if_it_is_loopback_or_named(authority, allowed, is_allowed):
    assert is_host_allowed(authority, allowed) is is_allowed


@pytest.mark.parametrize(
    ("origin", "allowed", "is_allowed"),
    [
        (None, (), True),
        ("http://localhost:8000", (), True),
        ("HTTP://LOCALHOST:8000", (), True),
        ("https://localhost:8000", (), False),
        ("http://localhost:3000", (), False),
        ("http://localhost:3000", ("http://localhost:3000",), True),
        ("null", (), False),
        ("http://evil.example", ("*",), True),
    ],
)
def test_an_origin_is_allowed_if_it_is_our_own_or_named(origin, allowed, is_allowed):
    assert is_origin_allowed(origin, "http", "localhost:8000", allowed) is is_allowed


@pytest.mark.parametrize(
    "authority", ["a", "A.example:80", "a_b.example", "127.0.0.1:8000", "[::1]", "[fe80::1]:1"]
)
def test_a_name_or_an_address_with_a_port_or_without_is_an_authority(authority):
    assert is_authority(authority)


@pytest.mark.parametrize(
    "authority",
    [
        "",
        "[::1].evil.example",
        "localhost#.evil.example",
        "evil.example@localhost",
        "localhost/x",
        "localhost?x",
        "localhost:",
        "localhost:80:80",
        "localhost:port",
        "localhost:123456",
        "a b",
        "a,b",
        "localhost\t",
        "[::1",
        "::1",
        "münchen.example",
        "localhost\\x",
        "a" * 300,
    ],
)
def test_nothing_else_is(authority):
    assert not is_authority(authority)
    assert host_name(authority) == ""
