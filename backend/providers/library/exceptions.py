"""Public exceptions of the library, and the mapping of our own errors to them. Pure.

::

    APIError                 anything else that went wrong at the provider
    ├── NoAccountAvailable   no account is configured, or each waits for a person
    ├── TokenExpired         the account's key or session isn't accepted (any more)
    ├── AccountBanned        the account is closed
    ├── RateLimited          asked as much as it may be, or as the provider takes
    └── AllRetriesFailed     several accounts were tried, and each failed

Names and meaning are those that programs were written for; ``__cause__`` is our own error.
"""

from __future__ import annotations

from collections.abc import Sequence

from automation.errors import (
    AccountBannedError,
    AutomationError,
    ChallengeRequiredError,
    NoAccountError,
    RateLimitedError,
    SignInRequiredError,
)
from backend.errors import BusyError, GatewayError


class APIError(Exception):
    """Something went wrong at the provider; base of the others."""


class NoAccountAvailable(APIError):
    """No account is configured, or each waits for a person."""


class TokenExpired(APIError):
    """The account's key or session isn't accepted (any more)."""


class AccountBanned(APIError):
    """The provider says that the account is closed."""


class RateLimited(APIError):
    """The account is asked as much as it may be.

    Attributes:
        retry_after_s: Seconds until another try makes sense.
    """

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class AllRetriesFailed(APIError):
    """Several accounts were tried, and each failed.

    Attributes:
        errors: Each account's error, in order.
    """

    def __init__(self, errors: Sequence[APIError]) -> None:
        super().__init__(f"{len(errors)} accounts failed; the last one: {errors[-1]}")
        self.errors = tuple(errors)


def to_public_error(error: AutomationError | GatewayError) -> APIError:
    """Map one of our errors to a public exception, with the error as its cause."""
    made = _told(error)
    made.__cause__ = error
    return made


def _told(error: AutomationError | GatewayError) -> APIError:
    match error:
        case RateLimitedError() | BusyError():
            return RateLimited(str(error), error.retry_after_s)
        case AccountBannedError():
            return AccountBanned(str(error))
        case SignInRequiredError() | ChallengeRequiredError():
            return TokenExpired(str(error))
        case NoAccountError():
            return NoAccountAvailable(str(error))
    return APIError(str(error))


def all_failed(errors: Sequence[AutomationError | GatewayError]) -> APIError:
    """Return the exception for a call whose every attempt failed: the one error, or all of them."""
    made = [to_public_error(error) for error in errors]
    return made[0] if len(made) == 1 else AllRetriesFailed(made)
