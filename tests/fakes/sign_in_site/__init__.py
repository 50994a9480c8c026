"""A site that wants a person to sign in: a form with a one-time code, a QR code, a slider, a foreign frame, a window."""

from tests.fakes.sign_in_site.pages import CYAN, GREEN, MAGENTA, ORANGE
from tests.fakes.sign_in_site.site import FILE_KEY, KINDS, PASSWORD, USERNAME, SignInSite, profile_of

__all__ = [
    "CYAN",
    "FILE_KEY",
    "GREEN",
    "KINDS",
    "MAGENTA",
    "ORANGE",
    "PASSWORD",
    "USERNAME",
    "SignInSite",
    "profile_of",
]
