"""Keeps what a site says beside its answer in one turn, and what it means: banners, toasts, dialogs. Pure.

Some of it stays, some is gone before anybody looks again. What an element that the profile names as ``error`` says, or a
dialog, is the site's word on this turn. What else the page announces only explains why no answer came.
"""

from __future__ import annotations

from automation.capture.site_errors import error_of_words
from automation.errors import AutomationError, RateLimitedError, SiteError
from automation.profiles.model import SiteWords

# Words of no known kind that went again may have been about something that passed.
_UNKNOWN_REST_S = 20.0


class HeardWords:
    """The words of one turn.

    Attributes:
        is_past: The site's words are no longer on the page.
    """

    def __init__(self, site_words: SiteWords) -> None:
        self._site_words = site_words
        self._words: str | None = None
        self._error: AutomationError | None = None
        self._noticed: list[str] = []
        self.is_past = False

    def see_banner(self, words: str | None) -> None:
        """Take what an error element shows now; None for nothing."""
        if words:
            self._keep(words)
        self.is_past = not words

    def hear(self, words: str) -> None:
        """Take words that were said once and don't stay."""
        if words.strip():
            self._keep(words)

    def notice(self, words: str) -> None:
        """Take what the page announces in a place that the profile does not name."""
        if words not in self._noticed:
            self._noticed.append(words)

    @property
    def words(self) -> str | None:
        """The site's last words on this turn, or None."""
        return self._words

    @property
    def rest_s(self) -> float:
        """How long the words must stand, with no answer, before they are its error."""
        return _UNKNOWN_REST_S if self.is_past and type(self._error) is SiteError else 0.0

    @property
    def limit(self) -> RateLimitedError | None:
        """The account's limit, where that is what the site speaks of."""
        return self._error if isinstance(self._error, RateLimitedError) else None

    def error(self) -> AutomationError:
        """Return the error that the site's words mean."""
        assert self._error is not None
        return self._error

    def known_error(self) -> AutomationError | None:
        """Return the error of whatever was said, where its kind is known from the words; else None."""
        found = [self._error, *(error_of_words(words, self._site_words) for words in self._noticed)]
        return next((error for error in found if error is not None and type(error) is not SiteError), None)

    def _keep(self, words: str) -> None:
        if words != self._words:
            self._words, self._error = words, error_of_words(words, self._site_words)
