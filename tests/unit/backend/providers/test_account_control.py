"""What is shown of accounts is plain data, without their secrets."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import TypeAdapter

from backend.accounts.account_config import AccountConfig, AccountStatus, RateLimits
from backend.accounts.states import AccountState
from backend.providers.account_control import AccountSnapshot, summarize

CONFIG = AccountConfig.model_validate(
    {
        "id": "acc_1",
        "username": "ada",
        "password": "hunter2",
        "totp_secret": "JBSWY3DPEHPK3PXP",
        "max_requests_per_period": 5,
    }
)
LIMITED = AccountStatus(AccountState.RATE_LIMITED, "slow down", datetime(2030, 1, 2, tzinfo=UTC))


def test_a_summary_tells_whether_there_are_secrets_and_none_of_them():
    summary = summarize(CONFIG, LIMITED, in_flight=1, left=3, is_awake=True)

    assert (summary.id, summary.username, summary.account_status) == ("acc_1", "ada", LIMITED)
    assert (summary.has_password, summary.has_totp_secret) == (True, True)
    assert (summary.in_flight, summary.left, summary.is_awake) == (1, 3, True)
    assert summary.pace == RateLimits(max_requests_per_period=5)
    assert "hunter2" not in repr(summary)


def test_an_account_without_secrets_has_none():
    summary = summarize(AccountConfig(id="default"), AccountStatus())

    assert (summary.username, summary.has_password, summary.has_totp_secret) == (None, False, False)
    assert summary.left is None


def test_a_summary_is_the_same_after_a_way_through_json():
    kind = TypeAdapter(AccountSnapshot)
    summary = summarize(CONFIG, LIMITED, left=3)

    document = kind.dump_json(summary)

    assert kind.validate_json(document) == summary
    assert b"hunter2" not in document
    assert b"JBSWY3DPEHPK3PXP" not in document
