"""Tells what a profile's roles match on a page at one moment, and says so in an error message. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TURN_ROLES = ("input", "send", "stop", "user_turn", "assistant_turn")
"""The roles that a turn needs, in the order in which it needs them."""

SIGN_IN_ROLES = (
    "username",
    "password",
    "submit",
    "next_step",
    "code",
    "code_submit",
    "signed_in",
    "signed_out",
)
"""The roles of a profile's ``sign_in`` that have its key as their name."""

_PROFILE_LISTS = {"delete_chat": "conversation.delete", "open": "open"}
_PROFILE_KEYS = {
    "continue": "continue.click",
    "new_chat": "new_chat.click",
    "new_chat_confirm": "new_chat.confirm",
    "new_chat_ready": "new_chat.ready",
    "temporary_chat": "conversation.temporary",
    "sign_in_error": "sign_in.error",
    "captcha": "challenge.captcha",
    "qrcode": "challenge.qrcode",
    **{role: f"sign_in.{role}" for role in SIGN_IN_ROLES},
}


@dataclass(frozen=True, slots=True)
class RoleMatch:
    """What one role matches.

    Attributes:
        count: Elements that match, also hidden ones.
        visible: How many of them are visible.
        text: Beginning of the text of the first one; of the site's or of a person's, so never for a log.
    """

    count: int
    visible: int
    text: str = ""


def parse_roles(told: Mapping[str, Any] | None) -> dict[str, RoleMatch]:
    """Return what the page agent's ``roles`` told: every role that the profile names, and no other."""
    return {
        role: RoleMatch(int(match["count"]), int(match["visible"]), str(match.get("text") or ""))
        for role, match in (told or {}).items()
    }


def describe_roles(found: Mapping[str, RoleMatch], roles: Sequence[str] = TURN_ROLES) -> str:
    """Return a half-sentence: ``input 1 visible, send 1 hidden, user_turn 0 (not in the profile: stop)``.

    It holds no text of the page. Empty where nothing is known of any role.
    """
    if not found:
        return ""
    seen = ", ".join(f"{role} {_describe_match(found[role])}" for role in roles if role in found)
    missing = ", ".join(role for role in roles if role not in found)
    return " ".join(part for part in (seen, f"(not in the profile: {missing})" if missing else "") if part)


def find_profile_key(role: str) -> str:
    """Return the profile's key of what the page agent calls ``role``."""
    name, _, number = role.rpartition("_")
    if number.isdecimal() and name in _PROFILE_LISTS:
        return f"{_PROFILE_LISTS[name]}.{number}"
    return _PROFILE_KEYS.get(role, role)


def merge_most(seen: Mapping[str, RoleMatch], now: Mapping[str, RoleMatch]) -> dict[str, RoleMatch]:
    """Return for each role the most that matched at one time; visible ones count more, and the later of equals."""

    def size(match: RoleMatch) -> tuple[int, int]:
        return match.visible, match.count

    most = dict(seen)
    for role, match in now.items():
        if role not in most or size(match) >= size(most[role]):
            most[role] = match
    return most


def advise_on_turns(found: Mapping[str, RoleMatch]) -> str:
    """Return which role of the turns to correct where a prompt went out and no answer was seen; empty where none stands out."""
    counts = {role: match.count for role, match in found.items()}
    if counts.get("user_turn") == 0 and counts.get("assistant_turn"):
        return "'assistant_turn' matches a turn and 'user_turn' none: correct 'user_turn', or leave it out"
    if counts.get("assistant_turn") == 0:
        return "if the page shows an answer, correct 'assistant_turn'"
    return ""


def _describe_match(match: RoleMatch) -> str:
    if match.count == 0:
        return "0"
    if match.visible == match.count:
        return f"{match.count} visible"
    return f"{match.count} hidden" if match.visible == 0 else f"{match.count}, {match.visible} visible"
