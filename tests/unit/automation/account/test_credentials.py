"""Credentials are a value that shows its name and never its password."""

import pytest

from automation.account.credentials import Credentials, one_time_password


def test_a_password_is_never_shown():
    credentials = Credentials("ada", "hidden-word")

    assert repr(credentials) == "Credentials(username='ada')"
    assert credentials == Credentials("ada", "hidden-word")
    assert credentials != Credentials("ada", "other")


@pytest.mark.parametrize(
    ("at_s", "code"),
    [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")],
)
def test_one_time_passwords_are_those_of_the_standard(at_s, code):
    # RFC 6238, appendix B, with the last six of its eight digits.
    assert one_time_password("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", at_s) == code


def test_a_secret_is_taken_as_sites_show_it():
    assert one_time_password("jbsw y3dp-ehpk 3pxp", 0) == one_time_password("JBSWY3DPEHPK3PXP", 29)


@pytest.mark.parametrize("secret", ["JBSWY3DPEHPK3PX1", "é"])
def test_what_is_no_base32_is_no_secret(secret):
    with pytest.raises(ValueError):
        one_time_password(secret, 0)
