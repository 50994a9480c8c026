"""Hashes a conversation's history, equal for every way in which a client sends the same messages. Pure.

Clients send back what they got, but not byte for byte: they trim, turn line ends, put the reasoning that came apart
into the text, and leave out messages that say nothing. None of that makes another conversation.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

from automation.turn import Message

# What Open WebUI puts into an assistant's text for what came apart from it. Nothing in it may repeat over "<", so
# that a text of nothing but openings costs no more than one look at each.
_BLOCK = re.compile(r'<details\s+type="(?:reasoning|tool_calls|code_interpreter)"[^<>]*>')
_BLOCK_END = "</details>"
_THINKING, _THINKING_END = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class ConversationKey:
    """Endpoint, site, account, model and owner that a history's hash belongs to.

    Attributes:
        endpoint: Its slug.
        site: Its address: chats of another site can't be continued.
        account: The account at the site that holds the chats.
        model: The site's model; None for what is chosen there.
        owner: Whose conversations they are (``Principal.conversation_owner``).
    """

    endpoint: str
    site: str
    account: str
    model: str | None = None
    owner: str = ""


def empty_head(scope: ConversationKey) -> str:
    """Return the hash of a history that has no message yet."""
    return _hash(astuple(scope))


def hash_prefixes(start: str, messages: Sequence[Message]) -> list[str]:
    """Return the hash of every prefix of ``messages`` after the history ``start``: one more than there are messages."""
    heads = [start]
    for message in messages:
        heads.append(_advance(heads[-1], message))
    return heads


def end_of_said(messages: Sequence[Message]) -> int:
    """Return the number of messages up to and including the assistant's last one."""
    spoken = (i for i in range(len(messages), 0, -1) if _is_said(messages[i - 1]))
    return next(spoken, 0)


def canonical_text(message: Message) -> str:
    """Return what the message says: with plain line ends, trimmed, reasoning and envelopes left out."""
    text = message.text.replace("\r\n", "\n").replace("\r", "\n")
    if message.role == "assistant":
        text = _without_thinking(_without_blocks(text))
    return text.strip()


def _advance(head: str, message: Message) -> str:
    text = canonical_text(message)
    files = [hashlib.sha256(file.data).hexdigest() for file in message.attachments]
    if message.role == "assistant" and not text and not files:
        return head
    return _hash((head, message.role, text, files))


def _is_said(message: Message) -> bool:
    return message.role == "assistant" and bool(canonical_text(message) or message.attachments)


def _hash(parts: Iterable[object]) -> str:
    # JSON keeps the parts apart, and writes half a surrogate pair, which UTF-8 can't.
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()


def _without_blocks(text: str) -> str:
    kept, at = [], 0
    for block in _BLOCK.finditer(text):
        if block.start() < at:
            continue
        end = text.find(_BLOCK_END, block.end())
        if end < 0:
            break
        kept.append(text[at : block.start()])
        at = end + len(_BLOCK_END)
    return "".join([*kept, text[at:]])


def _without_thinking(text: str) -> str:
    begun = text.lstrip()
    if not begun.startswith(_THINKING):
        return text
    _, end, answer = begun.partition(_THINKING_END)
    return answer if end else text
