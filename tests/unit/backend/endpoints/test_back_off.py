from __future__ import annotations

import pytest

from automation.errors import PageLostError, ProfileError, SignInRequiredError, SiteError, UnreachableError
from backend.endpoints.back_off import is_worth_retrying, leading_error


@pytest.mark.parametrize(
    ("error", "is_worth"),
    [
        (UnreachableError("u", "r"), True),
        (PageLostError("x"), True),
        (RuntimeError("x"), True),
        (SignInRequiredError("r"), False),
        (ProfileError("s", "k", "r"), False),
    ],
)
def test_only_what_needs_no_person_is_tried_again(error, is_worth):
    assert is_worth_retrying(error) is is_worth


def test_a_group_is_about_its_first_error_of_ours():
    ours, other = SiteError("x"), ValueError("y")

    assert leading_error(ExceptionGroup("g", [other, ExceptionGroup("h", [ours])])) is ours
    assert leading_error(ExceptionGroup("g", [other])) is other
    assert leading_error(other) is other
