"""A config.json is understood, or refused by the name of the field at fault and without its secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.accounts.account_config import RateLimits
from backend.errors import InvalidRequestError
from backend.providers.library.config_file import parse_config

DOCUMENTED = {
    "providers": {
        "deepseek": {
            "accounts": [{"email": "your-email@example.com", "password": "your-password"}],
            "rate_limit": {
                "max_requests_per_period": 10,
                "period_seconds": 60.0,
                "min_delay_between_requests": 1.0,
            },
        }
    }
}


def test_the_documented_configuration_is_a_pages_with_an_account():
    file = parse_config(DOCUMENTED)

    entry = file.providers["deepseek"]
    assert entry.is_page
    assert entry.accounts[0].config(0).username == "your-email@example.com"
    assert entry.rate_limit == RateLimits(
        max_requests_per_period=10, period_seconds=60.0, min_delay_between_requests=1.0
    )
    assert file.data_dir == Path("data")


@pytest.mark.parametrize(
    ("entry", "is_page"),
    [
        ({"accounts": [{"api_key": "k"}]}, False),
        ({"accounts": [{"token": "k"}]}, False),
        ({}, False),
        ({"profile": "chainlit"}, True),
        ({"accounts": [{"cookies": []}]}, True),
        ({"accounts": [{"username": "a", "password": "b"}], "type": "api"}, False),
    ],
)
def test_accounts_and_profile_tell_a_page_from_an_api(entry, is_page):
    assert parse_config({"providers": {"a": entry}}).providers["a"].is_page is is_page


def test_accounts_have_their_own_limits_and_ids_of_their_place():
    entry = {"accounts": [{"api_key": "a"}, {"api_key": "b", "rate_limit": {"max_requests_per_period": 2}}]}

    first, second = parse_config({"providers": {"p": entry}}).providers["p"].accounts

    assert [first.name(0), second.name(1)] == ["account-1", "account-2"]
    assert second.config(1).max_requests_per_period == 2


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], None),
        ({}, "providers"),
        ({"providers": {"a": {"acounts": []}}}, "providers.a.acounts"),
        ({"providers": {"a": {"accounts": [{"password": 5}]}}}, "providers.a.accounts.0.password"),
        ({"providers": {"a": {"accounts": [{"passwort": "hunter2"}]}}}, "providers.a.accounts.0.passwort"),
        (
            {"providers": {"a": {"rate_limit": {"max_requests_per_period": 0}}}},
            "providers.a.rate_limit.max_requests_per_period",
        ),
        ({"providers": {"a": {"base_url": "https://u:hunter2@a"}}}, "providers.a.base_url"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(document, field):
    with pytest.raises(InvalidRequestError) as caught:
        parse_config(document)

    assert caught.value.param == field
    assert "hunter2" not in str(caught.value)


def test_secrets_are_in_no_text_of_a_configuration():
    document = {
        "providers": {"a": {"accounts": [{"api_key": "sk-secret", "password": "hunter2", "username": "u"}]}}
    }

    text = repr(parse_config(document))

    assert "sk-secret" not in text
    assert "hunter2" not in text
