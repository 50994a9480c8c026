from __future__ import annotations

import pytest

from backend.security.exposure import ExposureError, check_exposure, find_open_doors


@pytest.mark.parametrize(("host", "auth", "is_on"), [("127.0.0.1", "auto", False), ("0.0.0.0", "auto", True)])
def test_a_guarded_or_local_address_needs_no_warning(host, auth, is_on):
    assert check_exposure(host, auth, is_auth_on=is_on) is None


def test_an_open_public_address_is_refused_unless_it_was_said():
    with pytest.raises(ExposureError, match=r"0\.0\.0\.0"):
        check_exposure("0.0.0.0", "auto", is_auth_on=False)


def test_an_open_public_address_that_was_said_is_warned_of():
    assert "0.0.0.0" in str(check_exposure("0.0.0.0", "off", is_auth_on=False))


@pytest.mark.parametrize(
    ("origins", "hosts", "is_auth_on", "named"),
    [
        (("*",), (), False, ["CORS_ORIGINS=*"]),
        ((), ("*",), False, ["ALLOWED_HOSTS=*"]),
        (("https://a.example", "*"), ("b", "*"), False, ["CORS_ORIGINS=*", "ALLOWED_HOSTS=*"]),
        (("*",), ("*",), True, []),
        (("https://a.example",), ("b",), False, []),
    ],
)
def test_settings_that_let_every_web_page_in_are_warned_of(origins, hosts, is_auth_on, named):
    warnings = find_open_doors(origins, hosts, is_auth_on=is_auth_on)

    assert [warning.split()[0] for warning in warnings] == named
