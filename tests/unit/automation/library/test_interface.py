"""A provider's status follows what it does, and its secrets are in no text about it."""

from __future__ import annotations

import pytest

from automation.errors import (
    AccountBannedError,
    ChallengeRequiredError,
    RateLimitedError,
    SignInRequiredError,
    SiteError,
)
from automation.library.interface import (
    BaseProvider,
    ProviderContext,
    ProviderResponse,
    ProviderStatus,
    ProviderType,
    status_after,
)


class Silent(BaseProvider):
    is_clean = False

    async def initialize(self, context):
        self.context = context

    async def send_message(self, message, **kwargs):
        return ProviderResponse("", success=True, provider=self.name)

    async def stream_message(self, message, **kwargs):
        yield ""

    async def health_check(self):
        return True

    async def cleanup(self):
        self.is_clean = True


def test_a_provider_without_every_method_cannot_be_made():
    class Half(BaseProvider):
        async def initialize(self, context):
            pass

    with pytest.raises(TypeError, match="abstract"):
        Half("half")  # type: ignore[abstract]


def test_an_unknown_type_is_refused():
    with pytest.raises(ValueError, match="by_post"):
        Silent("a", "by_post")
    assert Silent("a", "custom_web").provider_type is ProviderType.CUSTOM_WEB


async def test_leaving_the_block_cleans_up_also_after_an_error():
    provider = Silent("a")

    with pytest.raises(LookupError):
        async with provider:
            raise LookupError

    assert provider.is_clean


def test_it_is_busy_until_the_last_of_several_answers_is_over():
    provider = Silent("a")
    seen = [provider.status]

    with provider.answering():
        with provider.answering():
            pass
        seen.append(provider.status)
    seen.append(provider.status)

    assert seen == [ProviderStatus.INACTIVE, ProviderStatus.BUSY, ProviderStatus.ACTIVE]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SignInRequiredError("x"), ProviderStatus.AUTHENTICATION_REQUIRED),
        (ChallengeRequiredError("captcha"), ProviderStatus.AUTHENTICATION_REQUIRED),
        (AccountBannedError("x"), ProviderStatus.AUTHENTICATION_REQUIRED),
        (RateLimitedError("x"), ProviderStatus.RATE_LIMITED),
        (SiteError("x"), ProviderStatus.ERROR),
    ],
)
def test_an_error_leaves_a_state_until_the_next_answer(error, status):
    provider = Silent("a")

    with pytest.raises(type(error)), provider.answering():
        raise error
    after = provider.status
    with provider.answering():
        pass

    assert (after, status_after(error)) == (status, status)
    assert provider.status is ProviderStatus.ACTIVE


def test_credentials_are_in_no_text_of_a_context():
    context = ProviderContext("a", "token", {"token": "sk-secret"})

    assert "sk-secret" not in repr(context)
