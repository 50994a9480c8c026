"""Credentials are a value that shows its name and never its password."""

from automation.sign_in.credentials import Credentials


def test_a_password_is_never_shown():
    credentials = Credentials("ada", "hidden-word")

    assert repr(credentials) == "Credentials(username='ada')"
    assert credentials == Credentials("ada", "hidden-word")
    assert credentials != Credentials("ada", "other")
