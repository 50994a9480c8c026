from __future__ import annotations

from typing import Any

import orjson
import pytest

from automation import errors as automation_errors
from automation.errors import (
    AccountBannedError,
    AutomationError,
    BrowserUnavailableError,
    ChallengeRequiredError,
    ContentBlockedError,
    ConversationGoneError,
    FirstTokenTimeout,
    IdleTimeout,
    PageLostError,
    PoolFullError,
    ProfileError,
    PromptRejectedError,
    PromptTooLargeError,
    RateLimitedError,
    SentState,
    SessionRefusedError,
    SignInRequiredError,
    SiteChangedError,
    SiteError,
    UnreachableError,
)
from backend import errors as gateway_errors
from backend.api.errors import TABLE, describe_error, describe_validation, format_param
from backend.errors import (
    ConversationBusyError,
    ConversationNotFoundError,
    GatewayError,
    ProviderRefusedError,
    QueueFullError,
    RateExceededError,
    StorageError,
    StructuredAnswerError,
    ToolCallError,
)

WAS_SENT = {"x-gateway-sent": "yes", "x-should-retry": "false"}


@pytest.mark.parametrize(
    ("error", "status", "code", "headers"),
    [
        (PromptTooLargeError(9, 5), 413, "prompt_too_large", {}),
        (PromptRejectedError("one line only"), 400, "invalid_request", {}),
        (ProfileError("x.yaml", "send", "is wrong", 3), 422, "profile_invalid", {}),
        (RateLimitedError("slow", 2.5), 429, "rate_limited", {"retry-after": "3"}),
        (PoolFullError(1), 429, "queue_full", {"retry-after": "5"}),
        (QueueFullError("full", 5), 429, "queue_full", {"retry-after": "5"}),
        (RateExceededError("much", 0.1), 429, "rate_limited", {"retry-after": "1"}),
        (SiteChangedError("send", "sending"), 502, "site_changed", {"x-should-retry": "false"}),
        (SiteError("boom"), 502, "site_error", {}),
        (ContentBlockedError("no"), 502, "content_blocked", {"x-should-retry": "false"}),
        (PageLostError(), 502, "site_error", {}),
        (ToolCallError("x"), 502, "invalid_tool_call", WAS_SENT),
        (StructuredAnswerError("x"), 502, "invalid_structured_answer", WAS_SENT),
        (UnreachableError("u", "dns"), 502, "site_error", {}),
        (SignInRequiredError("r"), 503, "sign_in_required", {"x-should-retry": "false"}),
        (SessionRefusedError(), 503, "sign_in_required", {"x-should-retry": "false"}),
        (ChallengeRequiredError("captcha"), 503, "challenge_required", {"x-should-retry": "false"}),
        (AccountBannedError("closed"), 503, "account_banned", {"x-should-retry": "false"}),
        (BrowserUnavailableError("install"), 503, "browser_unavailable", {"x-should-retry": "false"}),
        (ConversationNotFoundError("conv_1"), 404, "conversation_not_found", {}),
        (ConversationGoneError(), 404, "conversation_not_found", {}),
        (ConversationBusyError("conv_1"), 409, "conversation_busy", {}),
        (StorageError(), 503, "storage_unavailable", {}),
        (FirstTokenTimeout(1), 504, "first_token_timeout", {}),
        (IdleTimeout(1), 504, "idle_timeout", {}),
        (ExceptionGroup("g", [ValueError("x"), SiteError("boom")]), 502, "site_error", {}),
    ],
)
def test_an_error_is_told_as(error, status, code, headers):
    reply = describe_error(error)

    assert (reply.status, reply.code, dict(reply.headers)) == (status, code, headers)
    assert reply.message


def _leaves(module, base) -> list[type]:
    kinds = [k for k in vars(module).values() if isinstance(k, type) and issubclass(k, base)]
    return [k for k in kinds if not any(issubclass(o, k) and o is not k for o in kinds)]


def test_every_error_of_ours_is_in_the_table():
    leaves = _leaves(automation_errors, AutomationError) + _leaves(gateway_errors, GatewayError)
    carries_its_own = ProviderRefusedError

    missing = [
        k.__name__
        for k in leaves
        if not issubclass(k, carries_its_own) and not any(base in TABLE for base in k.__mro__)
    ]

    assert missing == [], (
        f"Add {', '.join(missing)} to TABLE in backend/api/errors.py: its HTTP status and its code, "
        "and a line for a new code to the table of errors in docs/api.md."
    )


def marked(error, sent):
    error.sent = sent
    return error


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (marked(SiteError("busy"), SentState.NO), {"x-gateway-sent": "no"}),
        (marked(SiteError("busy"), SentState.MAYBE), {"x-gateway-sent": "maybe", "x-should-retry": "false"}),
        (marked(SiteError("busy"), SentState.YES), {"x-gateway-sent": "yes", "x-should-retry": "false"}),
        (
            marked(RateLimitedError("slow", 2.5), SentState.YES),
            {"x-gateway-sent": "yes", "retry-after": "3", "x-should-retry": "false"},
        ),
        (marked(RateLimitedError("slow", 2.5), SentState.NO), {"x-gateway-sent": "no", "retry-after": "3"}),
        (SiteError("an API's"), {}),
    ],
)
def test_an_error_says_whether_the_site_may_have_the_prompt_and_only_no_may_be_repeated(error, headers):
    reply = describe_error(error)

    assert (reply.sent, reply.headers) == (error.sent, headers)
    assert orjson.loads(reply.encode())["error"].get("sent") == error.sent


def test_an_unknown_error_is_internal_and_keeps_its_words_to_the_log(caplog):
    reply = describe_error(KeyError("secret"))

    assert (reply.status, reply.code) == (500, "internal_error")
    assert "secret" not in reply.message
    assert "secret" in caplog.text


def test_the_deepest_branch_of_a_union_is_told():
    errors: list[dict[str, Any]] = [
        {"type": "string_type", "loc": ("body", "messages", 0, "content", "str"), "msg": "not a string"},
        {
            "type": "missing",
            "loc": ("body", "messages", 0, "content", "list[ContentPart]", 0, "type"),
            "msg": "missing",
        },
        {"type": "missing", "loc": ("body", "model"), "msg": "missing"},
    ]

    reply = describe_validation(errors)

    assert (reply.param, reply.message) == ("messages.0.content.0.type", "messages.0.content.0.type: missing")


def test_a_body_that_is_no_object_has_no_field():
    reply = describe_validation([{"type": "model_attributes_type", "loc": ("body",), "msg": "no object"}])

    assert (reply.param, reply.message) == (None, "The body: no object")


@pytest.mark.parametrize("context", [{"ctx": {"error": "Expecting value"}}, {}])
def test_broken_json_is_called_so(context):
    reply = describe_validation(
        [{"type": "json_invalid", "loc": ("body", 3), "msg": "JSON decode error", **context}]
    )

    assert (reply.status, reply.param) == (400, None)
    assert "not JSON" in reply.message


def test_a_fields_name_has_dots():
    assert format_param(("body", "a", 0, "b")) == "a.0.b"
    assert format_param(("body",)) is None


def test_a_providers_refusal_keeps_its_status_code_and_field():
    reply = describe_error(ProviderRefusedError("too long", 400, "context_length_exceeded", "messages"))

    told = (reply.status, reply.code, reply.param, reply.message)
    assert told == (400, "context_length_exceeded", "messages", "too long")
