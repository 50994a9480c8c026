"""Maps exceptions to HTTP status and code by one table, in OpenAI's shape."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

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
    SessionUnavailableError,
    SignInRequiredError,
    SiteChangedError,
    SiteError,
    UnreachableError,
)
from backend.api.known_paths import suggest_path
from backend.asgi import Scope
from backend.endpoints.back_off import leading_error
from backend.error_table import Try, find_sent, is_worth
from backend.errors import (
    AccountNotFoundError,
    AlreadyRunningError,
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
from backend.provider_errors import ApiFailedError, ApiOverloadedError
from backend.wire.errors import ErrorReply, retry_after

logger = logging.getLogger(__name__)

_POOL_RETRY_S = 5.0

# Searched along an error's base classes, so that the most exact entry wins.
TABLE: Mapping[type[BaseException], tuple[int, str]] = MappingProxyType(
    {
        InvalidRequestError: (400, "invalid_request"),
        InvalidCredentialError: (401, "invalid_api_key"),
        NotAllowedError: (403, "not_allowed"),
        EndpointNotFoundError: (404, "endpoint_not_found"),
        AccountNotFoundError: (404, "account_not_found"),
        ModelNotFoundError: (404, "model_not_found"),
        ConversationNotFoundError: (404, "conversation_not_found"),
        ConversationGoneError: (404, "conversation_not_found"),
        ConversationBusyError: (409, "conversation_busy"),
        PreviousResponseNotFoundError: (400, "previous_response_not_found"),
        SignInNotFoundError: (404, "sign_in_not_found"),
        SignInRunningError: (409, "sign_in_running"),
        LiveTokenExpiredError: (410, "live_token_expired"),
        EndpointNotRunningError: (409, "endpoint_not_running"),
        AlreadyRunningError: (409, "already_running"),
        NameTakenError: (409, "name_taken"),
        RotationNotFoundError: (404, "rotation_not_found"),
        EndpointDisabledError: (503, "endpoint_disabled"),
        QueueFullError: (429, "queue_full"),
        RateExceededError: (429, "rate_limited"),
        PromptRejectedError: (400, "invalid_request"),
        PromptTooLargeError: (413, "prompt_too_large"),
        ProfileError: (422, "profile_invalid"),
        RateLimitedError: (429, "rate_limited"),
        PoolFullError: (429, "queue_full"),
        SiteChangedError: (502, "site_changed"),
        SiteError: (502, "site_error"),
        ApiOverloadedError: (529, "overloaded"),
        ContentBlockedError: (502, "content_blocked"),
        AnswerWithdrawnError: (502, "answer_withdrawn"),
        EmptyAnswerError: (502, "empty_answer"),
        SendUnconfirmedError: (502, "send_unconfirmed"),
        CaptureDisagreesError: (502, "capture_disagrees"),
        AnswerRewrittenError: (502, "answer_rewritten"),
        PageLostError: (502, "site_error"),
        ToolCallError: (502, "invalid_tool_call"),
        StructuredAnswerError: (502, "invalid_structured_answer"),
        UnreachableError: (502, "site_error"),
        RetryableError: (502, "site_error"),
        SignInRequiredError: (503, "sign_in_required"),
        ChallengeRequiredError: (503, "challenge_required"),
        StorageError: (503, "storage_unavailable"),
        ShuttingDownError: (503, "shutting_down"),
        SessionUnavailableError: (503, "storage_unavailable"),
        AccountBannedError: (503, "account_banned"),
        NoAccountError: (503, "no_account_available"),
        BrowserUnavailableError: (503, "browser_unavailable"),
        TrialTimeoutError: (504, "trial_timeout"),
        FirstTokenTimeout: (504, "first_token_timeout"),
        IdleTimeout: (504, "idle_timeout"),
    }
)
_PARAMS: Mapping[type[BaseException], str] = MappingProxyType(
    {
        ModelNotFoundError: "model",
        ConversationNotFoundError: "conversation",
        ConversationGoneError: "conversation",
        ConversationBusyError: "conversation",
        NameTakenError: "name",
        PreviousResponseNotFoundError: "previous_response_id",
        ProfileError: "profile",
        PromptRejectedError: "messages",
        PromptTooLargeError: "messages",
    }
)
_HTTP_CODES: Mapping[int, str] = MappingProxyType(
    {
        401: "invalid_api_key",
        403: "not_allowed",
        404: "not_found",
        405: "method_not_allowed",
        413: "prompt_too_large",
    }
)


def describe_error(error: BaseException) -> ErrorReply:
    """Return the error reply for an exception; one that is in no table is logged, and is an ``internal_error``."""
    error = leading_error(error)
    if isinstance(error, ValidationError):
        return describe_validation([{**e, "loc": ("body", *e["loc"])} for e in error.errors()])
    if isinstance(error, ProviderRefusedError):
        return ErrorReply(error.status, error.code, str(error), error.param, _headers(error))
    known = find_reply(type(error))
    if known is not None:
        status, code = known
        return ErrorReply(
            status,
            code,
            str(error) or code,
            _param(error),
            _headers(error),
            _action_url(error),
            find_sent(error),
        )
    logger.error("request_failed", exc_info=error)
    return ErrorReply(500, "internal_error", "The gateway failed unexpectedly; its log says why.")


def find_reply(error: type[BaseException]) -> tuple[int, str] | None:
    """Return the status and code of a class of errors; None for one that is in no table."""
    return next((TABLE[kind] for kind in error.__mro__ if kind in TABLE), None)


def describe_validation(errors: Sequence[Mapping[str, Any]]) -> ErrorReply:
    """Return the 400 for pydantic's errors: of the first field, and of a union's branches the deepest."""
    field = format_param(errors[0]["loc"]) or ""
    first = max(
        (e for e in errors if (format_param(e["loc"]) or "").startswith(field)), key=lambda e: len(e["loc"])
    )
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", first["msg"])
        return ErrorReply(400, "invalid_request", f"The body is not JSON: {reason}.")
    param = format_param(first["loc"])
    message = str(first["msg"]).removeprefix("Value error, ")
    return ErrorReply(400, "invalid_request", f"{param or 'The body'}: {message}", param)


def format_param(location: Sequence[int | str]) -> str | None:
    """Return the dotted name of a field: where it was found and which branch of a union was tried is left out."""
    names = [str(part) for part in location[1:] if not _is_branch(part)]
    return ".".join(names) or None


def respond(reply: ErrorReply) -> Response:
    """Return the HTTP response that carries ``reply``."""
    return Response(reply.encode(), reply.status, dict(reply.headers), "application/json")


def describe_failure(scope: Scope, exc: Exception) -> Response:
    """Return the HTTP response for one of our errors, or Starlette's."""
    return respond(reply_to(scope, exc))


def reply_to(scope: Scope, exc: Exception) -> ErrorReply:
    """Return the error reply for one of our errors, or Starlette's."""
    if isinstance(exc, HTTPException):
        return _describe_http(Request(scope), exc)
    return describe_error(exc)


def install_error_handlers(app: FastAPI) -> None:
    """Give every error of the app OpenAI's shape, those of routing and validation too."""

    async def on_ours(_request: Request, exc: Exception) -> Response:
        return respond(describe_error(exc))

    async def on_validation(request: Request, exc: Exception) -> Response:
        errors = exc.errors() if isinstance(exc, RequestValidationError) else ()
        return respond(_describe_unread(request, errors) or describe_validation(errors))

    async def on_http(request: Request, exc: Exception) -> Response:
        return respond(_describe_http(request, exc))

    handlers: dict[Any, Callable[[Request, Exception], Any]] = {
        GatewayError: on_ours,
        AutomationError: on_ours,
        RequestValidationError: on_validation,
        HTTPException: on_http,
        Exception: on_ours,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _describe_unread(request: Request, errors: Sequence[Mapping[str, Any]]) -> ErrorReply | None:
    """Return the 400 for a body that was not read as JSON because its header doesn't say that it is; else None."""
    kind = request.headers.get("content-type", "")
    if "json" in kind.lower() or not errors or tuple(errors[0]["loc"]) != ("body",):
        return None
    said = f"content-type: {kind}" if kind else "no content-type"
    message = (
        f"The body came with {said}, and was not read: send it as JSON, with content-type: application/json."
    )
    return ErrorReply(400, "invalid_request", message)


def _describe_http(request: Request, exc: Exception) -> ErrorReply:
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    headers = dict(exc.headers or {}) if isinstance(exc, HTTPException) else {}
    words = {404: "There is nothing at", 405: f"{request.method} is not possible at"}.get(status)
    detail = str(getattr(exc, "detail", ""))
    path = request.url.path
    meant = (
        suggest_path(path, getattr(request.app, "known_paths", ()))
        if status == HTTPStatus.NOT_FOUND
        else None
    )
    hint = f" Did you mean {meant}?" if meant else ""
    if meant and path.endswith(meant):
        hint += f" Take {path.removesuffix(meant)} out of the client's base URL."
    message = f"{words} {path}.{hint} GET /docs lists what there is." if words else detail
    return ErrorReply(status, _HTTP_CODES.get(status, "invalid_request"), message, headers=headers)


def _action_url(error: BaseException) -> str | None:
    """Return the page on which a person signs the account in, or passes the site's check; relative to the gateway's address."""
    if isinstance(error, AccountError) and error.account:
        return f"/sign-in/{error.endpoint}/{error.account}"
    return None


def _param(error: BaseException) -> str | None:
    if isinstance(error, InvalidRequestError | NotAllowedError):
        return error.param
    if isinstance(error, AttachmentRejectedError):
        return error.part or "messages"
    return next((name for kind, name in _PARAMS.items() if isinstance(error, kind)), None)


def _headers(error: BaseException) -> dict[str, str]:
    sent = find_sent(error)
    told = {} if sent is None else {"x-gateway-sent": str(sent)}
    if isinstance(error, PoolFullError):
        told |= retry_after(_POOL_RETRY_S)
    elif isinstance(error, BusyError | RateLimitedError | ApiFailedError) and error.retry_after_s is not None:
        told |= retry_after(error.retry_after_s)
    # OpenAI's clients repeat 409, 429 and 5xx by themselves; some of them a person must act on first, and some the
    # site may have got already.
    return told if is_worth(error, Try.CLIENT) else {**told, "x-should-retry": "false"}


def _is_branch(part: int | str) -> bool:
    return isinstance(part, str) and (part in {"str", "dict"} or "[" in part)
