"""Decides whether a failed endpoint is opened again, and finds the leading error of a group. Pure."""

from __future__ import annotations

from automation.errors import AutomationError
from backend.error_table import Try, is_worth


def is_worth_retrying(error: BaseException) -> bool:
    """Whether opening again may succeed without a person's help."""
    return is_worth(error, Try.REOPEN)


def leading_error(error: BaseException) -> BaseException:
    """Return the cause of a group of errors: its first ``AutomationError``, else its first error."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    ours, _ = error.split(AutomationError)
    group = ours or error
    return leading_error(group.exceptions[0])
