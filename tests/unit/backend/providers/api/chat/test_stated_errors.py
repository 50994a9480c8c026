from __future__ import annotations

from typing import Any

import pytest

from backend.provider_errors import (
    ApiContentBlockedError,
    ApiFailedError,
    KeyLimitedError,
    KeyRefusedError,
)
from backend.providers.api.chat.stated_errors import parse_refusal, raise_stated_error


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"error": {"message": "m", "code": "c", "param": "p"}}, ("m", "c", "p")),
        ({"error": {"message": "m", "type": "t", "code": None}}, ("m", "t", None)),
        ({"error": "m"}, ("m", "", None)),
        ({"errors": [{"code": 7003, "message": "m"}], "success": False}, ("m", "7003", None)),
        ({"errors": ["m"]}, ("m", "", None)),
        ({"base_resp": {"status_code": 2013, "status_msg": "m"}}, ("m", "2013", None)),
        ({"title": "t", "status": 400}, ("t", "", None)),
        ({"detail": [{"msg": "m"}]}, ('[{"msg":"m"}]', "", None)),
        ([{"error": {"message": "m"}}], ("m", "", None)),
        (
            {
                "error": {
                    "message": "m",
                    "code": 403,
                    "metadata": {"reasons": ["violence"], "flagged_input": "x"},
                }
            },
            ("m", "content_policy_violation", None),
        ),
        ({"error": {"message": "m", "code": 403, "metadata": {"provider_name": "p"}}}, ("m", "403", None)),
    ],
)
def test_the_words_are_found_in_every_form(document, told):
    said = parse_refusal(document)

    assert (said.message, said.code, said.param) == told


@pytest.mark.parametrize(
    "document", [None, 7, [], [7], {}, {"errors": []}, {"error": 7}, {"error": {"message": {}}}]
)
def test_what_says_nothing_has_no_words(document: Any):
    assert parse_refusal(document).message == ""


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1002, KeyLimitedError),
        (1008, KeyLimitedError),
        (1004, KeyRefusedError),
        (1026, ApiContentBlockedError),
        (2013, ApiFailedError),
    ],
)
def test_a_failed_status_under_http_200_is_the_error_that_it_says(code, kind):
    with pytest.raises(kind, match="their words"):
        raise_stated_error({"choices": None, "base_resp": {"status_code": code, "status_msg": "their words"}})


def test_a_status_of_success_is_no_error():
    raise_stated_error({"base_resp": {"status_code": 0, "status_msg": "success"}})
