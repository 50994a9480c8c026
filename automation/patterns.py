"""Regular expressions that somebody else wrote: RE2's, which take time in proportion to a text, whatever they are. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

LONGEST_PATTERN = 1000


def check_pattern(pattern: str) -> str:
    """Return the pattern.

    Raises:
        ValueError: It is none of RE2's, or too long.
    """
    if len(pattern) > LONGEST_PATTERN:
        msg = f"has more than {LONGEST_PATTERN} characters"
        raise ValueError(msg)
    try:
        _compiled(pattern, ignores_case=False)
    except UnicodeEncodeError as exc:
        msg = "has half a surrogate pair"
        raise ValueError(msg) from exc
    except re2.error as exc:
        words = exc.args[0].decode("utf-8", "replace") if isinstance(exc.args[0], bytes) else str(exc)
        msg = f"is not a regular expression (RE2): {words}"
        raise ValueError(msg) from exc
    return pattern


def is_found(pattern: str, text: str, *, ignores_case: bool = False) -> bool:
    """Whether a checked pattern is found in a text."""
    # Half a surrogate pair, which RE2's UTF-8 can't carry, is looked at as the sign for what can't be shown.
    regex = _compiled(pattern, ignores_case=ignores_case)
    return regex.search(text.encode("utf-8", "replace").decode()) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str, *, ignores_case: bool) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignores_case
    return re2.compile(pattern, options)
