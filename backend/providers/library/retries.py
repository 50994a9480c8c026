"""Retry policy of a library call: whether it is retried, and after how long. Pure."""

from __future__ import annotations

from automation.errors import RateLimitedError
from backend.error_table import Try, is_worth
from backend.exponential_back_off import back_off_s

_MOST_S = 60.0


def retry_wait_s(
    error: Exception, tries: int, max_retries: int, base_s: float, chance: float
) -> float | None:
    """Return the back-off in seconds after ``tries`` failures, or None to give up.

    Args:
        error: What the last one failed with. What took its whole time, or was refused, isn't asked again.
        tries: At least 1.
        max_retries: Number of tries after the first.
        base_s: The first wait; doubled each time, up to a minute. A limit's own time wins where it is longer.
        chance: From 0 to 1; up to a fifth more, so that many don't come back at once.
    """
    if tries > max_retries or not is_worth(error, Try.SAME):
        return None
    wait_s = back_off_s(tries, base_s, _MOST_S) * (1 + 0.2 * chance)
    if isinstance(error, RateLimitedError):
        # A limit that lasts longer than anybody waits is told instead.
        return max(wait_s, error.retry_after_s) if error.retry_after_s <= _MOST_S else None
    return wait_s
