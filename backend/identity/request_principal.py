"""Keeps the principal of a request in its ASGI scope: set by the guard, read by routes and the log. Pure."""

from __future__ import annotations

from backend.asgi import Scope
from backend.identity.principal import Principal

_KEY = "principal"


def set_principal(scope: Scope, principal: Principal) -> None:
    """Note who sends this request."""
    scope.setdefault("state", {})[_KEY] = principal


def find_principal(scope: Scope) -> Principal | None:
    """Return who sends this request; None for a stranger at an open path."""
    principal: Principal | None = scope.get("state", {}).get(_KEY)
    return principal


def get_principal(scope: Scope) -> Principal:
    """Return who sends this request, at a path that is not open to strangers.

    Raises:
        KeyError: It passed no guard.
    """
    principal: Principal = scope["state"][_KEY]
    return principal
