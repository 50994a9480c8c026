"""REST documents of endpoints, and how a PATCH changes one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from backend.api.errors import find_reply
from backend.endpoints.endpoint import Endpoint, LastFailure
from backend.endpoints.states import StateChange
from backend.providers.config import EndpointConfig, EndpointDraft
from backend.wire.chat_events import find_usage

_SECRETS = {"password", "api_key", "headers"}


def endpoint_document(endpoint: Endpoint) -> dict[str, Any]:
    """Return an endpoint without its secrets; ``has_…`` tells whether there are any."""
    config = endpoint.config
    settings = config.model_dump(mode="json", exclude={"slug", "name", *_SECRETS})
    if settings["browser_config"]["proxy"] is not None:
        del settings["browser_config"]["proxy"]["password"]
    return {
        "id": endpoint.slug,
        "slug": endpoint.slug,
        "name": config.name,
        **settings,
        "has_credentials": config.password is not None,
        "has_api_key": config.api_key is not None,
        "headers": sorted(config.headers),
        **state_document(endpoint.board.last_change),
        "models": list(endpoint.models or config.models),
        "limited_models": {model: round(left_s, 1) for model, left_s in endpoint.limited_models.items()},
        "turns_running": endpoint.turns_running,
        "created_at": endpoint.created_at.isoformat(),
    }


def state_document(change: StateChange) -> dict[str, Any]:
    """Return a state as REST and its event stream show it."""
    return {"state": str(change.state), "state_reason": change.reason, "state_since": change.at.isoformat()}


def failure_document(failure: LastFailure | None) -> dict[str, Any] | None:
    """Return an endpoint's newest error as its health tells it."""
    if failure is None:
        return None
    known = find_reply(failure.kind)
    return {
        "code": known[1] if known else "internal_error",
        "message": failure.message,
        "at": failure.at.isoformat(),
    }


def change_config(config: EndpointConfig, changes: Mapping[str, Any]) -> EndpointDraft:
    """Return the draft with ``changes`` made: null brings a field's default back.

    ``browser_config`` is merged key by key (RFC 7396), so that a proxy keeps its password, which is never shown.

    Raises:
        ValidationError: The result is not a valid draft.
    """
    values: dict[str, Any] = {name: getattr(config, name) for name in EndpointDraft.model_fields}
    values["browser_config"] = config.browser_config.model_dump()
    browser = changes.get("browser_config")
    merged = {**changes, "browser_config": _merge(values["browser_config"], browser)} if browser else changes
    return EndpointDraft.model_validate({k: v for k, v in {**values, **merged}.items() if _is_given(k, v)})


def validation_problem(error: ValidationError) -> list[dict[str, Any]]:
    """Return pydantic's errors with the location that a request body's errors have."""
    return [{**e, "loc": ("body", *e["loc"])} for e in error.errors(include_url=False)]


def tested_document(
    completion: Mapping[str, Any], headers: Mapping[str, str], config: EndpointConfig
) -> dict[str, Any]:
    """Return a ``chat.completion`` as ``POST …/test`` tells it."""
    choice = completion["choices"][0]
    message, usage = choice["message"], find_usage(completion) or {}
    notes = headers.get("x-gateway-notes")
    metadata = {
        "finish_reason": choice["finish_reason"],
        "reasoning_content": message.get("reasoning_content"),
        "notes": notes.split(", ") if notes else [],
        "usage_estimated": bool(usage.get("estimated")),
    }
    counts = {
        "input_tokens": usage.get("prompt_tokens"),
        "output_tokens": usage.get("completion_tokens"),
        "cost": 0.0,
    }
    return {
        "id": completion.get("id"),
        "provider": config.slug,
        "model": completion.get("model"),
        "response": {"content": message.get("content"), "type": "text", "metadata": metadata},
        "usage": counts,
        "session": {"id": config.username or config.slug, "persistent": config.password is not None},
    }


def _merge(old: Any, new: Any) -> Any:
    if not isinstance(new, Mapping) or not isinstance(old, Mapping):
        return new
    merged = {**old, **{key: _merge(old.get(key), value) for key, value in new.items()}}
    return {key: value for key, value in merged.items() if value is not None}


def _is_given(name: str, value: Any) -> bool:
    return (
        value is not None or EndpointDraft.model_fields[name].is_required()
        if name in EndpointDraft.model_fields
        else True
    )
