"""Errors of driving a chat page, as a tree split by who should act. Pure.

::

    AutomationError
    ├── RetryableError            try again, here or elsewhere
    │   ├── SiteError             the site itself reported an error, or its stream broke
    │   │   ├── ContentBlockedError
    │   │   │   └── AnswerWithdrawnError  it took back what it had shown, and refuses
    │   │   └── EmptyAnswerError      the turn ended without a word
    │   ├── RateLimitedError      the site asks to slow down
    │   ├── FirstTokenTimeout     nothing of an answer in time
    │   ├── IdleTimeout           an answer began and then stalled
    │   ├── PageLostError         the page, its renderer or its browser went away
    │   ├── SessionUnavailableError  the stored session can't be read or forgotten now
    │   └── PoolFullError         no page became free in time
    ├── AccountError              another account may do, or a person acts
    │   ├── SignInRequiredError
    │   │   └── SessionRefusedError   the browser does not take the stored session
    │   ├── ChallengeRequiredError
    │   ├── AccountBannedError
    │   └── NoAccountError
    ├── SiteChangedError          a person repairs the profile
    ├── SendUnconfirmedError      the prompt may have been sent, and nothing shows it
    ├── CaptureDisagreesError     the page's answer and the wire's are not the same
    ├── AnswerRewrittenError      words that were passed on already were replaced by others
    ├── PromptRejectedError       the prompt itself can't be sent; trying again won't help
    │   ├── PromptTooLargeError
    │   └── AttachmentRejectedError
    ├── ConversationGoneError     the chat that the prompt goes on in can't be found any more
    ├── UnreachableError          the page's address doesn't lead to a chat page
    ├── ProfileError              a selector profile is invalid
    └── BrowserUnavailableError   there is no browser that could be started

Errors carry data, never secrets and never prompt text. ``str()`` of each says what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Literal


class SentState(StrEnum):
    """Whether the site may have got the prompt of a turn that failed."""

    NO = "no"  # nothing left the page, or the site refused to take it
    MAYBE = "maybe"
    YES = "yes"


class AutomationError(Exception):
    """Base of every error that driving a page raises.

    Attributes:
        sent: Whether the site may have got the prompt; None for an error outside of a page's turn.
        roles: What the profile's roles matched when it happened, as ``describe_roles`` says it; empty if unknown.
        screenshot: PNG of the page at that moment with form fields painted over, or None.
        picture: Name of the file that the screenshot is kept in; empty until whoever keeps it says so.
    """

    sent: SentState | None = None
    roles: str = ""
    screenshot: bytes | None = None
    picture: str = ""

    def __str__(self) -> str:
        """Return what went wrong, what the page showed then, and where a picture of it is."""
        seen = f"At that moment the profile matched: {self.roles}." if self.roles else ""
        kept = f"Screenshot: {self.picture}." if self.picture else ""
        return " ".join(part for part in (super().__str__(), seen, kept) if part)


class RetryableError(AutomationError):
    """The same turn may succeed when it is tried again."""


class SiteError(RetryableError):
    """The site reported an error, or its stream ended without its end marker.

    Attributes:
        subject: Who reports it, at the beginning of the message; a class for another source says otherwise.
        site_message: The site's own words, or what was seen on the wire.
    """

    subject: ClassVar[str] = "The site"

    def __init__(self, site_message: str) -> None:
        super().__init__(f"{self.subject} reported: {site_message}")
        self.site_message = site_message


class ContentBlockedError(SiteError):
    """The site refused to answer this prompt."""


class AnswerWithdrawnError(ContentBlockedError):
    """The site took back the answer that it had shown, and refuses.

    ``site_message`` holds the words in its place.
    """


class EmptyAnswerError(SiteError):
    """The site ended the turn without a word."""

    def __init__(self, site_message: str = "it ended its answer without any text") -> None:
        super().__init__(site_message)


LimitKind = Literal["requests", "quota", "mute"]
# Where a site tells no time: how long "too many requests", "your quota is used up" and "you are muted" last.
_REST_S: Mapping[LimitKind, float] = MappingProxyType({"requests": 60.0, "quota": 3600.0, "mute": 900.0})


class RateLimitedError(RetryableError):
    """The site asks to slow down.

    Attributes:
        limits: Who limits what, at the beginning of the message; a class for another source says otherwise.
        site_message: The site's own words.
        retry_after_s: Seconds until another try makes sense: as the site says, else by the kind of the limit.
        kind: Too many requests, a quota that is used up, or an account that is muted.
    """

    limits: ClassVar[str] = "The site limits this account"

    def __init__(
        self, site_message: str, retry_after_s: float | None = None, kind: LimitKind = "requests"
    ) -> None:
        super().__init__(f"{self.limits}: {site_message}")
        self.site_message = site_message
        self.retry_after_s = _REST_S[kind] if retry_after_s is None else retry_after_s
        self.kind = kind

    def with_time_left(self, retry_after_s: float) -> RateLimitedError:
        """Return the same limit, as it is told when so many seconds of it are left."""
        return type(self)(self.site_message, retry_after_s, self.kind)


class FirstTokenTimeout(RetryableError):
    """Nothing of an answer appeared within ``waited_s`` seconds of sending."""

    def __init__(self, waited_s: float) -> None:
        super().__init__(f"No answer began within {waited_s:g} s.")
        self.waited_s = waited_s


class IdleTimeout(RetryableError):
    """An answer began, then nothing more came for ``waited_s`` seconds and no end was seen."""

    def __init__(self, waited_s: float) -> None:
        super().__init__(f"The answer stalled for {waited_s:g} s without an end.")
        self.waited_s = waited_s


class PageLostError(RetryableError):
    """The page, its renderer or its browser went away, or the page left the chat."""


class SessionUnavailableError(RetryableError):
    """The account's stored session can't be read or forgotten now, because its store can't be used."""

    def __init__(self) -> None:
        super().__init__("The account's stored session can't be had now; the gateway's log says why.")


class PoolFullError(RetryableError):
    """No page became free within ``waited_s`` seconds."""

    def __init__(self, waited_s: float) -> None:
        super().__init__(f"Every page stayed in use for {waited_s:g} s.")
        self.waited_s = waited_s


class AccountError(AutomationError):
    """This account can't be used now; another may, or a person acts.

    Attributes:
        endpoint: The endpoint's slug, and ``account`` the id of its account; empty until whoever has accounts says so.
    """

    endpoint = ""
    account = ""


class SignInRequiredError(AccountError):
    """The site shows its sign-in page, and signing in by itself is not possible or failed.

    Attributes:
        what: The beginning of the message; a class for another source says otherwise.
        reason: What was seen, with the site's words if there were any.
    """

    what: ClassVar[str] = "Sign-in is required"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{self.what}: {reason}")
        self.reason = reason


class SessionRefusedError(SignInRequiredError):
    """The browser does not take the stored or imported session."""

    def __init__(self) -> None:
        super().__init__("the browser does not take the stored session; sign in again, or bring another one")


class ChallengeRequiredError(AccountError):
    """The site shows a captcha, a QR code or another check that a person must pass.

    Attributes:
        kind: ``captcha`` or ``qrcode``.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(f"A person must pass the site's check ({kind}).")
        self.kind = kind


class AccountBannedError(AccountError):
    """The site says that the account is closed.

    Attributes:
        site_message: The site's own words.
    """

    def __init__(self, site_message: str) -> None:
        super().__init__(f"The site has closed this account: {site_message}")
        self.site_message = site_message


class NoAccountError(AccountError):
    """No account can take the turn, each for another reason; a person must act on at least one of them."""


class SiteChangedError(AutomationError):
    """A selector matched nothing: the page differs from its profile.

    Attributes:
        profile_key: The key of the profile whose selectors matched nothing, such as ``input``.
        step: What was being done, such as ``compose``.
    """

    def __init__(
        self, profile_key: str, step: str, screenshot: bytes | None = None, *, problem: str = ""
    ) -> None:
        super().__init__(
            f"The page doesn't match its profile: {problem or f'nothing matches {profile_key!r}'} while {step}. "
            f"Correct {profile_key!r} in the profile and restart the endpoint."
        )
        self.profile_key = profile_key
        self.step = step
        self.screenshot = screenshot


class SendUnconfirmedError(AutomationError):
    """The prompt may have been sent, and nothing on the page or in its traffic shows it.

    Attributes:
        awaited: Which proof was waited for, and what the profile's roles matched meanwhile; a half-sentence.
        waited_s: For how long.
    """

    def __init__(self, awaited: str, waited_s: float) -> None:
        super().__init__(
            f"The prompt may have been sent, and nothing showed it within {waited_s:g} s: {awaited}. "
            "It is not sent again; look at the chat before you do."
        )
        self.awaited = awaited
        self.waited_s = waited_s


class CaptureDisagreesError(AutomationError):
    """The page shows another answer than the one its traffic was read for, so neither is given.

    Attributes:
        reason: What differs, without the answer's words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The page's answer and the one read from its traffic are not the same: {reason}. "
            "Correct 'wire' in the profile, or leave it out."
        )
        self.reason = reason


class AnswerRewrittenError(AutomationError):
    """The page replaced words of its answer that were passed on already, so that the stream can't become the answer."""

    def __init__(self) -> None:
        super().__init__(
            "The site replaced words of its answer that were passed on already. "
            "Ask without streaming for an answer's final words."
        )


class PromptRejectedError(AutomationError):
    """The page does not take this prompt as it is: it was not sent, or, where ``sent`` says so, sent changed."""


class PromptTooLargeError(PromptRejectedError):
    """The prompt is longer than the page takes.

    Attributes:
        limit_characters: The most that the page takes.
    """

    def __init__(self, size_characters: int, limit_characters: int) -> None:
        super().__init__(f"The prompt has {size_characters} characters; this page takes {limit_characters}.")
        self.size_characters = size_characters
        self.limit_characters = limit_characters


class AttachmentRejectedError(PromptRejectedError):
    """The page does not take this file, so nothing was sent.

    Attributes:
        name: The file's name.
        part: Where it stands in the request, such as ``messages.0.content.1``; empty when that is not known.
    """

    def __init__(self, name: str, part: str, reason: str) -> None:
        super().__init__(f"The file {name!r} can't be sent: {reason}.")
        self.name = name
        self.part = part


class ConversationGoneError(AutomationError):
    """The chat that the prompt goes on in can't be found at the site any more, so nothing was sent."""

    def __init__(self) -> None:
        super().__init__(
            "This conversation's chat can't be found at the site any more. Send all of its messages with "
            '"conversation": "auto"; they begin a new chat.'
        )


class UnreachableError(AutomationError):
    """The address can't be loaded, or what it serves is not a chat page.

    Attributes:
        reason: DNS, connection, TLS or HTTP failure in plain words.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} can't be used: {reason}")
        self.url = url
        self.reason = reason


class ProfileError(AutomationError):
    """A selector profile is invalid.

    Attributes:
        source: File name, or ``<inline>``.
        key: Dotted key, such as ``wire.decoder``.
        line: 1-based line of that key in the file, or None for an inline profile.
    """

    def __init__(self, source: str, key: str, reason: str, line: int | None = None) -> None:
        where = f"{source}:{line}" if line else source
        super().__init__(f"{where}: {key}: {reason}")
        self.source = source
        self.key = key
        self.reason = reason
        self.line = line


class BrowserUnavailableError(AutomationError):
    """No browser could be started; the message says what to install or to set."""
