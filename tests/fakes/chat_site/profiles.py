"""The selector profile of each page of the chat site, as inline data. Pure."""

from __future__ import annotations

from typing import Any

from tests.fakes.chat_site.variants import NOT_CHAT_PAGES, VARIANTS

_BY_CLASS: dict[str, Any] = {
    "input": "textarea.prompt",
    "send": "button.send",
    "stop": "button.stop",
    "new_chat": {"click": "button.new-chat"},
    "user_turn": ".turn.user",
    "assistant_turn": ".turn.assistant",
    "answer": ".body",
    "thinking": "details.thinking",
    "exclude": [".code-bar", ".actions"],
    "finished": ".actions",
    "error": [".banner", ".notice"],
}

# Where class names change at each load, what assistive technology reads is what stays.
_BY_ROLE: dict[str, Any] = {
    "input": "[aria-label='Message']",
    "send": "button[aria-label='Send message']",
    "stop": "button[aria-label='Stop generating']",
    "new_chat": {"click": {"css": "button", "text": "New chat"}},
    "user_turn": "[data-role='user']",
    "assistant_turn": "[data-role='assistant']",
    "answer": "[data-role='assistant'] > div:first-of-type",
    "exclude": ["button", ".code-bar"],
    "error": "[role='alert']",
}

_SIGN_IN: dict[str, Any] = {
    "username": "form.login input[name='username']",
    "password": "form.login input[name='password']",
    "submit": "form.login button[type='submit']",
    "signed_out": "form.login",
    "error": ".login-error",
}

_DIALOG: dict[str, Any] = {"dismiss": {"css": ".dialog button", "text": "Got it"}}

_FILES: dict[str, Any] = {
    "input": "input[type='file']",
    "uploaded": ".chip",
    "uploading": ".chip.busy",
    "failed": ".file-error",
    "remove": ".chip button",
}
_BY_CHOOSER = {**_FILES, "input": [], "opener": "button.attach"}

_FOLDED_THOUGHT: dict[str, Any] = {
    "thinking": ".thinking",
    "thinking_toggle": "button.thought-toggle",
    "exclude": [".code-bar", ".actions", ".thought-toggle"],
}

_DIFFERENCES: dict[str, dict[str, Any]] = {
    "rerender": _BY_ROLE,
    "rerender-anonymous": _BY_ROLE,
    "thinking-folded": _FOLDED_THOUGHT,
    "thinking-folds-again": _FOLDED_THOUGHT,
    "sources": {"sources": ".sources .source", "exclude": [".code-bar", ".actions", ".sources"]},
    "locks-input": {"stop": [], "finished": []},
    "aria-busy": {"stop": [], "finished": []},
    # Only freezing the answer at its end keeps what appears later in its body out.
    "suggestions": {"finished": []},
    "shadow": {"input": "div.prompt"},
    "iframe": {"frame": "iframe#chat-frame"},
    "iframe-port": {"frame": "iframe#chat-frame"},
    "challenge-frame": {"frame": "iframe#chat-frame"},
    "challenge-around": {"frame": "iframe#chat-frame"},
    "iframe-cross-site": {"frame": "iframe#chat-frame"},
    # Matches the user's turns, too, as a profile does that someone wrote in haste.
    "echo-trap": {"user_turn": ".message.user", "assistant_turn": ".message"},
    "dialog": _DIALOG,
    "dialog-late": _DIALOG,
    "saved-chats": {
        "conversation": {
            "url": "/c/[a-z0-9]+$",
            "in_browser": True,
            "delete": ["button.delete-chat", "button.confirm-delete"],
        }
    },
    "login": {"sign_in": {"path": "/login/login", **_SIGN_IN}},
    "login-two-step": {
        "sign_in": {"path": "/login/login-two-step", "next_step": "form.login button.next", **_SIGN_IN}
    },
    "login-totp": {
        "sign_in": {
            "path": "/login/login-totp",
            **_SIGN_IN,
            "username": "form.login input[name='username']:not([type='hidden'])",
            "code": "form.login input[name='code']",
            "code_submit": "form.code button[type='submit']",
        }
    },
    "single-line": {"input": "input.prompt"},
    "prosemirror": {"input": "div.prompt", "send": []},
    "files": {"attachments": _FILES},
    "files-one": {"attachments": _FILES},
    "files-chooser": {"attachments": _BY_CHOOSER},
    "files-drop": {"attachments": {**_FILES, "method": "drop", "drop_target": "main.chat"}},
    "files-paste": {"input": "div.prompt", "attachments": {**_FILES, "method": "paste"}},
    "files-shadow": {"input": "div.prompt", "attachments": _FILES},
    "files-frame": {"frame": "iframe#chat-frame", "attachments": _FILES},
    "files-draft": {"attachments": _FILES},
    "files-limited": {"attachments": _FILES, "limits": {"over_limit": "file"}},
}


def profile_data(name: str, *, with_wire: bool = True) -> dict[str, Any]:
    """Return the inline profile of the page at ``/v/<name>``, to be used with ``FakeChatSite.url``.

    Pages whose answer does not travel as chunks of OpenAI's event stream never have a ``wire``; without
    ``with_wire`` the others have none either, so that only what the page draws can be read.

    Raises:
        KeyError: There is no such page.
    """
    if name in NOT_CHAT_PAGES:
        return {"path": f"/v/{name}", **_BY_CLASS}
    variant = VARIANTS[name]
    data = {"path": f"/v/{name}", **_BY_CLASS, **_DIFFERENCES.get(name, {})}
    if with_wire and variant.transport not in ("html", "websocket"):
        data["wire"] = {"decoder": "openai_sse", "urls": ["*/api/chat/*", "*/api/events/*"]}
    if name.startswith("rerender"):
        data["finished"] = []
        data["thinking"] = []
    return data
