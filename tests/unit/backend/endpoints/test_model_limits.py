"""How long each model of an endpoint rests."""

from __future__ import annotations

import pytest

from backend.endpoints.model_limits import ModelLimits
from backend.provider_errors import ModelLimitedError


@pytest.fixture
def limits() -> ModelLimits:
    return ModelLimits()


def test_a_model_rests_until_its_limit_is_over(limits):
    limits.note("big", ModelLimitedError("slow", 30.0), now=100.0)

    refused = limits.refusal("big", 110.0)

    assert refused is not None
    assert (str(refused), refused.retry_after_s) == ("The provider limits this model: slow", 20.0)
    assert limits.refusal("mini", 110.0) is None
    assert limits.refusal("big", 130.0) is None


def test_the_longer_of_two_limits_counts(limits):
    limits.note("big", ModelLimitedError("a day", 3600.0), now=100.0)
    limits.note("big", ModelLimitedError("a minute", 60.0), now=101.0)

    assert limits.ends(102.0) == {"big": 3700.0}


@pytest.mark.parametrize(
    ("models", "until"), [(["big", "mini"], 120.0), (["big"], 130.0), (["big", "free"], None), ([], None)]
)
def test_all_rest_until_the_first_of_them_may_be_asked(limits, models, until):
    limits.note("big", ModelLimitedError("slow", 30.0), now=100.0)
    limits.note("mini", ModelLimitedError("slow", 20.0), now=100.0)

    assert limits.all_rest_until(models, 110.0) == until


def test_limits_that_are_over_are_not_kept(limits):
    for at in range(5):
        limits.note(f"m{at}", ModelLimitedError("slow", 1.0), now=at * 10.0)

    assert vars(limits)["_limits"].keys() == {"m4"}


def test_limits_can_be_forgotten(limits):
    limits.note("big", ModelLimitedError("slow", 30.0), now=100.0)

    limits.forget()

    assert limits.ends(100.0) == {}
