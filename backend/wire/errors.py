"""Builds errors in OpenAI's shape. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from backend.wire.chat_response import to_json

_TYPES: Mapping[int, str] = MappingProxyType(
    {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
)
_FIRST_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """One error as the client sees it.

    Attributes:
        headers: Besides the content type, such as ``Retry-After``.
        action_url: Where a person puts it right; None where nobody has to.
        sent: Whether the site may have got the prompt: ``no``, ``maybe`` or ``yes``; None where no page had a turn.
    """

    status: int
    code: str
    message: str
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    action_url: str | None = None
    sent: str | None = None

    @property
    def type(self) -> str:
        """OpenAI's coarse kind of the error."""
        fallback = "api_error" if self.status >= _FIRST_SERVER_ERROR else "invalid_request_error"
        return _TYPES.get(self.status, fallback)

    def encode(self) -> bytes:
        """Return the JSON document ``{"error": …}``."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        if self.action_url is not None:
            error["action_url"] = self.action_url
        if self.sent is not None:
            error["sent"] = self.sent
        return to_json({"error": error})


def retry_after(seconds: float) -> dict[str, str]:
    """Return the ``Retry-After`` header, whole seconds, at least 1."""
    return {"retry-after": str(max(1, math.ceil(seconds)))}
