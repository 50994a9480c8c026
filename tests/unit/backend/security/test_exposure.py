from __future__ import annotations

import pytest

from backend.security.exposure import ExposureError, check_exposure


@pytest.mark.parametrize(("host", "auth", "is_on"), [("127.0.0.1", "auto", False), ("0.0.0.0", "auto", True)])
def test_a_guarded_or_local_address_needs_no_warning(host, auth, is_on):
    assert check_exposure(host, auth, is_auth_on=is_on) is None


def test_an_open_public_address_is_refused_unless_it_was_said():
    with pytest.raises(ExposureError, match=r"0\.0\.0\.0"):
        check_exposure("0.0.0.0", "auto", is_auth_on=False)


def test_an_open_public_address_that_was_said_is_warned_of():
    assert "0.0.0.0" in str(check_exposure("0.0.0.0", "off", is_auth_on=False))
