"""Errors of API providers, in the words of APIs. Pure.

::

    SiteError
    ├── ApiFailedError             the provider reported an error, or its answer can't be read
    │   └── ApiOverloadedError     it has too much to do, whoever asks
    └── ContentBlockedError
        └── ApiContentBlockedError
    RateLimitedError
    └── KeyLimitedError            the provider limits this key
        └── ModelLimitedError      it limits one of its models; the key may go on asking others
    SignInRequiredError
    └── KeyRefusedError            the provider refused the API key

Each is what its base is for pages, to whoever catches it or looks it up in a table; only the words are others.
"""

from __future__ import annotations

from typing import ClassVar

from automation.errors import ContentBlockedError, RateLimitedError, SignInRequiredError, SiteError


class ApiFailedError(SiteError):
    """The provider reported an error, or its answer can't be read.

    Attributes:
        retry_after_s: Seconds until another try makes sense, where the provider says so.
    """

    subject: ClassVar[str] = "The provider"

    def __init__(self, site_message: str, retry_after_s: float | None = None) -> None:
        super().__init__(site_message)
        self.retry_after_s = retry_after_s


class ApiOverloadedError(ApiFailedError):
    """The provider has too much to do, whoever asks."""


class ApiContentBlockedError(ContentBlockedError):
    """The provider refused to answer this prompt."""

    subject: ClassVar[str] = "The provider"


class KeyLimitedError(RateLimitedError):
    """The provider asks to slow down."""

    limits: ClassVar[str] = "The provider limits this key"


class ModelLimitedError(KeyLimitedError):
    """The provider asks to slow down with one of its models."""

    limits: ClassVar[str] = "The provider limits this model"


class KeyRefusedError(SignInRequiredError):
    """The provider refused the API key."""

    what: ClassVar[str] = "The provider refused the API key"
