"""Says by what the end of an answer was seen, from what the profile's roles matched meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from automation.page.roles import RoleMatch
from automation.turn import CaptureSource

_NONE = RoleMatch(0, 0)


def describe_end(
    source: CaptureSource, answering: Mapping[str, RoleMatch], ended: Mapping[str, RoleMatch]
) -> str:
    """Return the strongest sign there was, in the end detector's order."""
    if source == "wire":
        return "the end mark of its stream"
    if ended.get("finished", _NONE).visible:
        return "'finished' is visible"
    if answering.get("stop", _NONE).visible and not ended.get("stop", _NONE).visible:
        return "'stop' was visible and is gone"
    return "its text rested and nothing of the page was under way"
