"""Errors that the gateway itself raises, apart from those of providers. Pure.

::

    GatewayError
    ├── InvalidRequestError        the request can't be honoured as it is
    ├── EndpointNotFoundError
    ├── AccountNotFoundError
    ├── ModelNotFoundError
    ├── EndpointNotRunningError
    ├── AlreadyRunningError
    ├── NameTakenError
    ├── RotationNotFoundError
    ├── ConversationNotFoundError
    ├── ConversationBusyError      a turn goes on in it
    ├── PreviousResponseNotFoundError
    ├── SignInNotFoundError
    ├── SignInRunningError
    ├── LiveTokenExpiredError
    ├── InvalidCredentialError     the API key or token is nobody's
    ├── NotAllowedError            this key or role may not use it
    ├── StorageError               the database can't be asked
    ├── ShuttingDownError          the gateway ends, and with it an answer
    ├── TrialTimeoutError          a profile's trial took too long
    ├── AnswerShapeError           the model did not answer in the form that was asked for
    │   ├── ToolCallError
    │   └── StructuredAnswerError
    ├── ProviderRefusedError       an API took the request for wrong
    │   ├── ProviderForbidsError   it may not be asked for this
    │   └── ProviderConflictError  it can't do it just now
    └── BusyError                  try again after ``retry_after_s``
        ├── QueueFullError
        ├── RateExceededError
        └── EndpointDisabledError
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from automation.errors import SentState


class GatewayError(Exception):
    """Base of every error that the gateway itself raises; ``str()`` is shown to the client."""


class InvalidRequestError(GatewayError):
    """The request can't be honoured as it is.

    Attributes:
        param: Dotted name of the field at fault, such as ``messages.0.content.1``, or None.
    """

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class EndpointNotFoundError(GatewayError):
    """There is no endpoint of this name."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no endpoint {slug!r}. GET /api/endpoints/ lists them.")
        self.slug = slug


class AccountNotFoundError(GatewayError):
    """The endpoint has no account of this id."""

    def __init__(self, slug: str, account_id: str) -> None:
        super().__init__(
            f"Endpoint {slug!r} has no account {account_id!r}. GET /api/endpoints/{slug}/accounts lists them."
        )
        self.account_id = account_id


class ModelNotFoundError(GatewayError):
    """No endpoint, model or alias has this name.

    Attributes:
        close_matches: Names that look like it, best first.
    """

    def __init__(self, name: str, close_matches: Sequence[str] = ()) -> None:
        meant = (
            f" Did you mean {', '.join(close_matches)}?"
            if close_matches
            else " GET /v1/models lists the models."
        )
        super().__init__(f"There is no model {name!r}.{meant}")
        self.name = name
        self.close_matches = tuple(close_matches)


class EndpointNotRunningError(GatewayError):
    """The endpoint can't take turns now."""

    def __init__(self, slug: str, state: str, reason: str | None = None) -> None:
        why = f": {reason}" if reason else ""
        super().__init__(f"Endpoint {slug!r} is {state}{why}. POST /api/endpoints/{slug}/start starts it.")
        self.slug = slug
        self.state = state


class AlreadyRunningError(GatewayError):
    """The endpoint is started already."""

    def __init__(self, slug: str, state: str) -> None:
        super().__init__(f"Endpoint {slug!r} is already running ({state}). POST …/restart restarts it.")
        self.slug = slug


class NameTakenError(GatewayError):
    """An endpoint has this name or a name that makes the same slug, or a rotation has it.

    Attributes:
        owner: ``endpoint`` or ``rotation``.
    """

    def __init__(self, slug: str, owner: str = "endpoint") -> None:
        change = "PATCH" if owner == "endpoint" else "PUT"
        super().__init__(
            f"There is already a{'n' * (owner == 'endpoint')} {owner} {slug!r}. "
            f"Choose another name, or {change} that one."
        )
        self.slug = slug
        self.owner = owner


class RotationNotFoundError(GatewayError):
    """There is no rotation of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no rotation {name!r}. GET /api/rotations/ lists them.")
        self.name = name


class ConversationNotFoundError(GatewayError):
    """There is no conversation of this id, or it was forgotten."""

    def __init__(self, conversation_id: str) -> None:
        super().__init__(
            f"There is no conversation {conversation_id!r}, or it was forgotten. Send all of its messages with "
            '"conversation": "auto"; they begin a new one.'
        )
        self.conversation_id = conversation_id


class ConversationBusyError(GatewayError):
    """A turn goes on in the conversation, which takes one at a time."""

    def __init__(self, conversation_id: str) -> None:
        super().__init__(
            f"Another request goes on in conversation {conversation_id!r}. Try again when it is answered."
        )
        self.conversation_id = conversation_id


class PreviousResponseNotFoundError(GatewayError):
    """No response of this id is kept for who asks."""

    def __init__(self, response_id: str) -> None:
        super().__init__(
            f"There is no response {response_id!r} among those that are kept for you. Send the whole conversation as input."
        )
        self.response_id = response_id


class SignInNotFoundError(GatewayError):
    """Nobody has started a sign-in of this account."""

    def __init__(self, slug: str, account_id: str) -> None:
        super().__init__(
            f"No sign-in of account {account_id!r} was started. "
            f"POST /api/endpoints/{slug}/accounts/{account_id}/sign-in starts one."
        )


class SignInRunningError(GatewayError):
    """A sign-in of this account goes on already."""

    def __init__(self, slug: str, account_id: str) -> None:
        super().__init__(
            f"A sign-in of account {account_id!r} goes on already. "
            f"POST /api/endpoints/{slug}/accounts/{account_id}/sign-in/link gives a link to it, …/sign-in/cancel ends it."
        )


class LiveTokenExpiredError(GatewayError):
    """The link to a live view was used already, or is too old."""

    def __init__(self) -> None:
        super().__init__(
            "This link was used already or has expired. "
            "POST …/accounts/{id}/sign-in/link gives a new one while the sign-in goes on."
        )


class InvalidCredentialError(GatewayError):
    """The API key or token is nobody's, or there is none."""

    def __init__(self) -> None:
        super().__init__(
            "Missing or wrong API key. Send it as 'Authorization: Bearer <key>', or as 'x-api-key: <key>'."
        )


class NotAllowedError(GatewayError):
    """The key or role of who asks may not use this.

    Attributes:
        param: Name of the request's field that names it, or None.
    """

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class TrialTimeoutError(GatewayError):
    """A profile's trial was not done in time, and was ended."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"The trial was not done within {limit_s:g} s and was ended; a longer limit is 'timeout_seconds'."
        )
        self.limit_s = limit_s


class StorageError(GatewayError):
    """The database doesn't answer, or refuses what it is asked."""

    def __init__(self) -> None:
        super().__init__("The gateway's database can't be used now; its log says why.")


class ShuttingDownError(GatewayError):
    """The gateway ends, and with it an answer that was not whole in time; the prompt may have been sent."""

    def __init__(self) -> None:
        super().__init__("The gateway was shut down before this answer was whole.")


class AnswerShapeError(GatewayError):
    """The model's answer has not the form that was asked for, also after it was asked once more.

    Attributes:
        problem: What is wrong with it, without its words.
        sent: The page answered, so the site has the prompt.
    """

    form = "form"
    sent: ClassVar = SentState.YES

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The model's answer is no valid {self.form}, also after it was asked once more: {problem}."
        )
        self.problem = problem


class ToolCallError(AnswerShapeError):
    """The model called a tool in a way that can't be read or is not allowed, or called none where it had to."""

    form = "tool call"


class StructuredAnswerError(AnswerShapeError):
    """The model's answer is not the JSON that ``response_format`` asks for."""

    form = "JSON of this response_format"


class ProviderRefusedError(GatewayError):
    """An API provider took the client's request for wrong; asking again, or another provider, won't help.

    Attributes:
        status: The provider's own, 400 to 499.
        code: The provider's, such as ``context_length_exceeded``.
        param: The field at fault, or None.
        default_code: Where the provider has none.
    """

    default_code: ClassVar[str] = "invalid_request"

    def __init__(self, message: str, status: int = 400, code: str = "", param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or self.default_code
        self.param = param


class ProviderForbidsError(ProviderRefusedError):
    """An API refuses this to whose key it is, such as a model; another provider may not."""

    default_code = "not_allowed"


class ProviderConflictError(ProviderRefusedError):
    """An API can't do it just now, through no fault of the request; trying again may help, there or elsewhere."""

    default_code = "conflict"


class BusyError(GatewayError):
    """The endpoint takes no more requests now.

    Attributes:
        retry_after_s: Seconds until another try makes sense.
    """

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QueueFullError(BusyError):
    """Too many requests wait for the endpoint already, or one waited too long."""


class RateExceededError(BusyError):
    """The endpoint's ``max_requests_per_minute`` is used up."""


class EndpointDisabledError(BusyError):
    """The endpoint failed several times in a row, and is left alone but for one request that probes it."""

    def __init__(self, slug: str, retry_after_s: float) -> None:
        super().__init__(
            f"Endpoint {slug!r} failed several times in a row; it is tried again in {retry_after_s:.0f} s.",
            retry_after_s,
        )
        self.slug = slug
