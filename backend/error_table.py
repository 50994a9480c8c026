"""One table of all errors: which other try each is worth, whether it speaks against its endpoint, when it is told first. Pure.

Every class of ``automation.errors`` and ``backend.errors`` has a row; a test says so when one is missing. A class elsewhere has
the row of its nearest base. Whoever asks a further question of errors adds a field to ``ErrorRow`` (or a member to ``Try``),
and mypy names the rows that don't answer it yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Flag, IntEnum, auto
from types import MappingProxyType
from typing import NamedTuple

from pydantic import ValidationError

from automation.errors import (
    AccountBannedError,
    AccountError,
    AnswerRewrittenError,
    AnswerWithdrawnError,
    AttachmentRejectedError,
    AutomationError,
    BrowserUnavailableError,
    CaptureDisagreesError,
    ChallengeRequiredError,
    ContentBlockedError,
    ConversationGoneError,
    EmptyAnswerError,
    FirstTokenTimeout,
    IdleTimeout,
    NoAccountError,
    PageLostError,
    PoolFullError,
    ProfileError,
    PromptRejectedError,
    PromptTooLargeError,
    RateLimitedError,
    RetryableError,
    SendUnconfirmedError,
    SentState,
    SessionRefusedError,
    SessionUnavailableError,
    SignInRequiredError,
    SiteChangedError,
    SiteError,
    UnreachableError,
)
from backend.errors import (
    AccountNotFoundError,
    AlreadyRunningError,
    AnswerShapeError,
    BusyError,
    ConversationBusyError,
    ConversationNotFoundError,
    EndpointDisabledError,
    EndpointNotFoundError,
    EndpointNotRunningError,
    GatewayError,
    InvalidCredentialError,
    InvalidRequestError,
    LiveTokenExpiredError,
    ModelNotFoundError,
    NameTakenError,
    NotAllowedError,
    PreviousResponseNotFoundError,
    ProviderConflictError,
    ProviderForbidsError,
    ProviderRefusedError,
    QueueFullError,
    RateExceededError,
    RotationNotFoundError,
    ShuttingDownError,
    SignInNotFoundError,
    SignInRunningError,
    StorageError,
    StructuredAnswerError,
    ToolCallError,
    TrialTimeoutError,
)


class Try(Flag):
    """The tries after an error that may go better.

    Attributes:
        PAGE: Another page of the same account, at once, where nothing was sent.
        SAME: The same endpoint once more, after a pause.
        ACCOUNT: Another account of the endpoint, before the first delta.
        ENDPOINT: Another endpoint, before the first delta.
        REOPEN: Opening the endpoint again, with back-off: no person is needed.
        CLIENT: The client's own repetition of the request; without it, ``x-should-retry: false`` is sent.
        SOON: It passes by itself, without a change of anything.
    """

    NONE = 0
    PAGE = auto()
    SAME = auto()
    ACCOUNT = auto()
    ENDPOINT = auto()
    REOPEN = auto()
    CLIENT = auto()
    SOON = auto()


class Rank(IntEnum):
    """Which of several errors is told that are equally far from an answer: the first of these."""

    BUSY = 0
    LIMITED = 1
    NO_PAGE = 2
    PASSES = 3
    PROMPT = 4
    ACCOUNT = 5
    SITE_CHANGED = 6
    PROFILE = 7
    UNREACHABLE = 8
    BROWSER = 9
    OTHER = 10


class ErrorRow(NamedTuple):
    """What an error means.

    Attributes:
        tries: Which other tries may go better.
        counts_as_failure: It speaks against the endpoint, rather than against the request or for waiting.
        rank: When it is told, of several.
    """

    tries: Try
    counts_as_failure: bool
    rank: Rank


_FAILS, _HOLDS = True, False  # whether it speaks against the endpoint

_PASSES = Try.SAME | Try.ACCOUNT | Try.ENDPOINT | Try.REOPEN | Try.CLIENT | Try.SOON
_TOOK_ITS_TIME = Try.ENDPOINT | Try.REOPEN | Try.CLIENT | Try.SOON  # a whole wait is not spent twice
_ELSEWHERE = Try.ENDPOINT | Try.REOPEN | Try.CLIENT
_NOWHERE = (
    Try.REOPEN | Try.CLIENT
)  # the client's own, or of the gateway as a whole: nobody else would do better
_BY_A_PERSON = Try.ACCOUNT | Try.ENDPOINT

TABLE: Mapping[type[BaseException], ErrorRow] = MappingProxyType(
    {
        BaseException: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),  # a cancellation: nobody waits any more
        Exception: ErrorRow(_ELSEWHERE, _FAILS, Rank.OTHER),  # a bug in one provider; another may do
        ValidationError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),  # the client's own, whoever is asked
        # What driving a page, or asking an API, raises.
        AutomationError: ErrorRow(_ELSEWHERE, _FAILS, Rank.OTHER),
        RetryableError: ErrorRow(_PASSES, _FAILS, Rank.PASSES),
        SiteError: ErrorRow(_PASSES, _FAILS, Rank.PASSES),
        ContentBlockedError: ErrorRow(Try.ENDPOINT | Try.REOPEN, _HOLDS, Rank.PASSES),
        AnswerWithdrawnError: ErrorRow(Try.REOPEN, _HOLDS, Rank.PASSES),
        EmptyAnswerError: ErrorRow(Try.REOPEN, _FAILS, Rank.PASSES),
        RateLimitedError: ErrorRow(_PASSES, _HOLDS, Rank.LIMITED),
        FirstTokenTimeout: ErrorRow(_TOOK_ITS_TIME, _FAILS, Rank.PASSES),
        IdleTimeout: ErrorRow(_TOOK_ITS_TIME, _FAILS, Rank.PASSES),
        PageLostError: ErrorRow(_PASSES | Try.PAGE, _FAILS, Rank.PASSES),
        SessionUnavailableError: ErrorRow(_ELSEWHERE, _HOLDS, Rank.PASSES),
        PoolFullError: ErrorRow(_TOOK_ITS_TIME | Try.SAME, _HOLDS, Rank.NO_PAGE),
        # The endpoint's state says these already, and they end when a person has acted.
        AccountError: ErrorRow(_BY_A_PERSON | Try.CLIENT, _HOLDS, Rank.ACCOUNT),
        SignInRequiredError: ErrorRow(_BY_A_PERSON, _HOLDS, Rank.ACCOUNT),
        SessionRefusedError: ErrorRow(_BY_A_PERSON, _HOLDS, Rank.ACCOUNT),
        ChallengeRequiredError: ErrorRow(_BY_A_PERSON, _HOLDS, Rank.ACCOUNT),
        AccountBannedError: ErrorRow(_BY_A_PERSON, _HOLDS, Rank.ACCOUNT),
        NoAccountError: ErrorRow(_BY_A_PERSON, _HOLDS, Rank.ACCOUNT),
        ProfileError: ErrorRow(Try.ENDPOINT | Try.CLIENT, _HOLDS, Rank.PROFILE),
        SiteChangedError: ErrorRow(Try.ENDPOINT | Try.REOPEN, _FAILS, Rank.SITE_CHANGED),
        SendUnconfirmedError: ErrorRow(Try.REOPEN, _FAILS, Rank.SITE_CHANGED),
        CaptureDisagreesError: ErrorRow(Try.REOPEN, _FAILS, Rank.SITE_CHANGED),
        AnswerRewrittenError: ErrorRow(Try.REOPEN, _HOLDS, Rank.PASSES),
        PromptRejectedError: ErrorRow(_NOWHERE, _HOLDS, Rank.PROMPT),
        # Another endpoint may take what this one doesn't, without this one being broken.
        PromptTooLargeError: ErrorRow(_ELSEWHERE, _HOLDS, Rank.PROMPT),
        AttachmentRejectedError: ErrorRow(_ELSEWHERE, _HOLDS, Rank.PROMPT),
        ConversationGoneError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        UnreachableError: ErrorRow(_ELSEWHERE, _FAILS, Rank.UNREACHABLE),
        BrowserUnavailableError: ErrorRow(Try.ENDPOINT | Try.REOPEN, _FAILS, Rank.BROWSER),
        # What the gateway itself refuses.
        GatewayError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        InvalidRequestError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        EndpointNotFoundError: ErrorRow(_ELSEWHERE, _HOLDS, Rank.OTHER),
        AccountNotFoundError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        ModelNotFoundError: ErrorRow(_ELSEWHERE, _HOLDS, Rank.OTHER),
        EndpointNotRunningError: ErrorRow(Try.ENDPOINT | Try.REOPEN, _HOLDS, Rank.OTHER),
        InvalidCredentialError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        NotAllowedError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        AlreadyRunningError: ErrorRow(Try.REOPEN, _HOLDS, Rank.OTHER),
        NameTakenError: ErrorRow(Try.REOPEN, _HOLDS, Rank.OTHER),
        RotationNotFoundError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        ConversationNotFoundError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        ConversationBusyError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        PreviousResponseNotFoundError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        SignInNotFoundError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        SignInRunningError: ErrorRow(Try.REOPEN, _HOLDS, Rank.OTHER),
        LiveTokenExpiredError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        StorageError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        ShuttingDownError: ErrorRow(Try.REOPEN, _HOLDS, Rank.OTHER),
        TrialTimeoutError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        AnswerShapeError: ErrorRow(Try.REOPEN, _HOLDS, Rank.OTHER),
        ToolCallError: ErrorRow(Try.REOPEN, _HOLDS, Rank.OTHER),
        StructuredAnswerError: ErrorRow(Try.REOPEN, _HOLDS, Rank.OTHER),
        ProviderRefusedError: ErrorRow(_NOWHERE, _HOLDS, Rank.OTHER),
        ProviderForbidsError: ErrorRow(Try.ENDPOINT | Try.REOPEN, _HOLDS, Rank.OTHER),
        ProviderConflictError: ErrorRow(_ELSEWHERE, _HOLDS, Rank.OTHER),
        BusyError: ErrorRow(_ELSEWHERE, _HOLDS, Rank.BUSY),
        QueueFullError: ErrorRow(_ELSEWHERE, _HOLDS, Rank.BUSY),
        RateExceededError: ErrorRow(_ELSEWHERE, _HOLDS, Rank.BUSY),
        EndpointDisabledError: ErrorRow(_ELSEWHERE, _HOLDS, Rank.BUSY),
    }
)


def find_row(error: BaseException) -> ErrorRow:
    """Return the row of the error's class, or of its nearest base that has one."""
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)


# Each of these sends the prompt once more.
_SENDS_AGAIN = Try.PAGE | Try.SAME | Try.ACCOUNT | Try.ENDPOINT | Try.CLIENT


def find_sent(error: BaseException) -> SentState | None:
    """Return whether the site may have got the prompt of a page's turn that ended so; None for any other error."""
    return error.sent if isinstance(error, AutomationError | AnswerShapeError) else None


def is_worth(error: BaseException, another: Try) -> bool:
    """Whether ``another`` try may go better after ``error``; never one that would send what may have been sent."""
    if find_sent(error) in {SentState.MAYBE, SentState.YES}:
        another_is_safe = not another & _SENDS_AGAIN
        return another_is_safe and another in find_row(error).tries
    return another in find_row(error).tries
