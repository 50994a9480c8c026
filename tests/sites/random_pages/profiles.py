"""The profile that a user writes from a random page's marks. Pure."""

from __future__ import annotations

from typing import Any

from tests.sites.random_pages.plan import SOCKETS, PagePlan

_BY_CLASSES: dict[str, Any] = {
    "input": ".composer .field",
    "send": "button.send:not([disabled])",
    "stop": "button.stop",
    "new_chat": {"click": "button.new-chat"},
    "user_turn": ".turn.user",
    "assistant_turn": ".turn.assistant",
    "answer": ".body",
    "finished": ".actions",
}
_BY_ROLES: dict[str, Any] = {
    "input": "[aria-label='Message']",
    "send": {"css": "button:not([disabled])", "text": "Send"},
    "stop": {"css": "button", "text": "Stop"},
    "new_chat": {"click": {"css": "button", "text": "New chat"}},
    "user_turn": "[data-role='user']",
    "assistant_turn": "[data-role='assistant']",
    "answer": "[data-part='text']",
    "finished": {"css": "button", "text": "Copy answer"},
}


def build_profile(plan: PagePlan) -> dict[str, Any]:
    """Return the inline profile of the page at ``/<seed>/``."""
    marks = _BY_CLASSES if plan.marks == "classes" else _BY_ROLES
    left_out = {
        "send": not plan.has_send,
        "stop": plan.end != "stop",
        "finished": plan.end != "finished",
        "new_chat": not plan.has_new_chat,
        "user_turn": not plan.has_user_turn,
    }
    profile = {"path": f"/{plan.seed}/", **{k: v for k, v in marks.items() if not left_out.get(k)}}
    profile["exclude"] = [".code-bar"]
    if plan.end == "cursor":
        profile["cursor"] = "▌"
    if plan.has_wire:
        profile["wire"] = _build_wire(plan)
    return profile


def _build_wire(plan: PagePlan) -> dict[str, Any]:
    if plan.transport in SOCKETS:
        return _build_socket_wire(plan)
    urls = [f"*/{plan.seed}/api/chat*"]
    if plan.transport == "json":
        wire: dict[str, Any] = {"decoder": "json_body", "urls": urls, "text_path": "answer.text"}
    elif plan.shape == "openai":
        wire = {"decoder": "openai_sse", "urls": urls}
    else:
        decoder = "json_lines" if plan.transport == "ndjson" else "json_sse"
        wire = {"decoder": decoder, "urls": urls, "text_path": "text", "end": "done==true"}
        wire |= {"snapshot": True} if plan.shape == "snapshot" else {}
    if "rewrite" in plan.side:
        wire["request"] = "purpose==chat"
    return wire


def _build_socket_wire(plan: PagePlan) -> dict[str, Any]:
    ids = {"request_id_path": "turn", "id_path": "turn"} if plan.has_turn_ids else {}
    return {
        "decoder": "json_socket",
        "urls": [f"*/{plan.seed}/socket*"],
        "request": "type==ask",
        "text_path": "[type==text].text",
        "end": "type==done",
        **({"snapshot": True} if plan.shape == "snapshot" else {}),
        **ids,
    }
