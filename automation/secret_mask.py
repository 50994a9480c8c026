"""Takes secrets out of the words of errors: some sites and APIs repeat what they were sent, a key among it. Pure."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from automation.errors import AutomationError

# Shorter ones are words as well, such as a header that says "true".
_SHORTEST_SECRET = 6
# Of a secret that was cut off somewhere, as long a beginning as this is taken out as well.
_BEGINNING = 10
_MASK = "…"


class SecretMask:
    """Replaces secrets by "…".

    Args:
        secrets: Those of one endpoint or account.
        kinds: The errors that may hold words of a site or an API.
    """

    def __init__(
        self, secrets: Iterable[str], kinds: tuple[type[Exception], ...] = (AutomationError,)
    ) -> None:
        self._kinds = kinds
        written = {form for secret in secrets for form in _forms(secret) if len(form) >= _SHORTEST_SECRET}
        self._secrets = sorted(written, key=len, reverse=True)

    def words(self, text: str) -> str:
        """Return the text without the secrets, also where they are escaped or cut off behind ten characters."""
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        for secret in self._secrets:
            text = _without_beginning(text, secret)
        return text

    def clean(self, exc: BaseException) -> None:
        """Take the secrets out of an error, in place, whatever it says and to whom."""
        if isinstance(exc, BaseExceptionGroup):
            for each in exc.exceptions:
                self.clean(each)
        elif isinstance(exc, self._kinds):
            exc.args = tuple(self.words(part) if isinstance(part, str) else part for part in exc.args)
            for name, value in vars(exc).items():
                if isinstance(value, str):
                    setattr(exc, name, self.words(value))


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and as it is written in JSON, in an address and in HTML."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield quote(secret, safe="")
    yield html.escape(secret)


def _without_beginning(text: str, secret: str) -> str:
    beginning = secret[:_BEGINNING]
    # "Bearer s" begins other words too; what follows it is a secret of its own.
    at = text.find(beginning) if len(secret) > _BEGINNING and " " not in secret else -1
    while at >= 0:
        end = _BEGINNING
        while end < len(secret) and text[at + end : at + end + 1] == secret[end]:
            end += 1
        text = text[:at] + _MASK + text[at + end :]
        at = text.find(beginning, at + len(_MASK))
    return text
