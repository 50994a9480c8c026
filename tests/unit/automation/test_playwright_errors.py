"""Playwright's errors become ours at one door, in a person's words and without its call log."""

import pytest
from patchright.async_api import Error as PatchrightError
from patchright.async_api import TimeoutError as PatchrightTimeout
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from automation.errors import PageLostError, UnreachableError
from automation.playwright_errors import _NET_ERRORS, first_line, navigation, page_calls


def test_a_call_that_hangs_is_a_lost_page():
    with (
        pytest.raises(PageLostError, match=r"^The page did not react while composing\.$"),
        page_calls("composing"),
    ):
        raise PlaywrightTimeout("Timeout 5000ms exceeded.")


def test_a_call_on_a_closed_page_is_a_lost_page_told_without_the_call_log():
    with pytest.raises(PageLostError) as caught, page_calls("composing"):
        raise PlaywrightError("Target page was closed\nCall log:\n  - waiting for #secret")

    assert str(caught.value) == "The page was lost while composing: Target page was closed"
    assert isinstance(caught.value.__cause__, PlaywrightError)


def test_calls_that_succeed_and_errors_of_others_pass():
    with page_calls("composing"):
        done = True
    with pytest.raises(ZeroDivisionError), page_calls("composing"):
        raise ZeroDivisionError

    assert done


def test_an_address_that_loads_passes():
    with navigation("http://x", 30.0):
        done = True

    assert done


def test_an_address_that_loads_too_slowly_is_unreachable():
    with pytest.raises(UnreachableError) as caught, navigation("http://x", 30.0):
        raise PlaywrightTimeout("Timeout 30000ms exceeded.")

    assert str(caught.value) == "http://x can't be used: it did not load within 30 s"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        *((f"Page.goto: net::{code} at http://x/", reason) for code, reason in _NET_ERRORS.items()),
        (
            "Page.goto: net::ERR_CERT_AUTHORITY_INVALID at https://x/",
            "TLS failed (ERR_CERT_AUTHORITY_INVALID)",
        ),
        ("Page.goto: net::ERR_SSL_PROTOCOL_ERROR at https://x/", "TLS failed (ERR_SSL_PROTOCOL_ERROR)"),
        ("Page.goto: (ERR_CERT_INVALID)", "TLS failed ()"),
        ("Page.goto: net::ERR_QUIC_PROTOCOL_ERROR at https://x/", "ERR_QUIC_PROTOCOL_ERROR"),
        (
            'Page.goto: Protocol error (Page.navigate): Cannot navigate to invalid URL\nCall log:\n  - "x"',
            "it is not a valid address",
        ),
    ],
)
def test_why_an_address_does_not_load_is_told_in_plain_words(message, reason):
    with pytest.raises(UnreachableError) as caught, navigation("http://x", 30.0):
        raise PlaywrightError(message)

    assert (caught.value.url, caught.value.reason) == ("http://x", reason)


def test_a_page_that_dies_while_it_loads_is_lost_and_not_unreachable():
    with pytest.raises(PageLostError, match="while loading: Page crashed"), navigation("http://x", 30.0):
        raise PlaywrightError("Page crashed\nCall log: …")


@pytest.mark.parametrize(
    ("message", "line"), [("a\nb", "a"), ("\n  a  \nb", "a  "), ("x" * 400, "x" * 300), (" \n ", "Error")]
)
def test_the_first_line_is_all_that_is_told(message, line):
    assert first_line(PlaywrightError(message)) == line


def test_patchrights_errors_are_translated_like_playwrights():
    with pytest.raises(PageLostError, match="did not react while typing"), page_calls("typing"):
        raise PatchrightTimeout("Timeout 5000ms exceeded.")
    with pytest.raises(UnreachableError, match="refused"), navigation("http://x/", 5):
        raise PatchrightError("net::ERR_CONNECTION_REFUSED at http://x/")
