"""How long to wait before a failed endpoint is opened again. Pure."""

from __future__ import annotations

from automation.errors import AccountError, AutomationError, ProfileError

_FIRST_S = 1.0
_MOST_S = 60.0


def is_worth_retrying(error: BaseException) -> bool:
    """Whether opening again may succeed without a person's help."""
    return not isinstance(error, AccountError | ProfileError)


def back_off_s(attempt: int) -> float:
    """Return the seconds to wait before try ``attempt`` (1 is the first repetition): 1, 2, 4, … 60."""
    return min(_FIRST_S * 2.0 ** (attempt - 1), _MOST_S)


def leading_error(error: BaseException) -> BaseException:
    """Return what a group of errors is about: its first ``AutomationError``, else its first error."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    ours, _ = error.split(AutomationError)
    group = ours or error
    return leading_error(group.exceptions[0])
