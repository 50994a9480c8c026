"""Context variable with the id of the HTTP request that the current task works for."""

from __future__ import annotations

import re
from contextvars import ContextVar

from backend.wire.ids import new_id

request_id: ContextVar[str] = ContextVar("request_id", default="-")

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:\-]{1,128}")


def choose_request_id(offered: str | None) -> str:
    """Return the client's id when it is plain and short, so that it can't forge log lines; else a new one."""
    if offered and _ACCEPTABLE.fullmatch(offered):
        return offered
    return new_id("req_")
