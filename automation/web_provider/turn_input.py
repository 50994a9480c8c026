"""Builds a turn's input: the whole conversation for a new chat, or only what is new in one that is continued. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from automation.turn import Attachment, Prompt

_FINGERPRINT_WORDS = 40
_LEAST_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class TurnInput:
    """Input of one turn for a page.

    Attributes:
        text: What to enter.
        attachments: Files to upload with it.
        is_continued: The page shows the chat that the text goes on in.
        is_single_turn: The conversation begins with this turn.
        is_throwaway: The chat is never continued.
    """

    text: str
    attachments: tuple[Attachment, ...] = ()
    is_continued: bool = False
    is_single_turn: bool = True
    is_throwaway: bool = False


def build_turn_input(prompt: Prompt, compose: Callable[[Prompt], str], *, is_continued: bool) -> TurnInput:
    """Build a turn's input; ``compose`` renders the messages that the page doesn't have yet."""
    new = prompt.messages[prompt.said :] if is_continued else prompt.messages
    return TurnInput(
        text=compose(replace(prompt, messages=new)),
        attachments=tuple(file for message in new for file in message.attachments),
        is_continued=is_continued,
        is_single_turn=not is_continued and all(m.role != "assistant" for m in prompt.messages),
        is_throwaway=prompt.is_throwaway,
    )


def build_fingerprint(text: str) -> str:
    """Return a hash of the first words of a prompt, by which its chat is recognized."""
    return ".".join(dict.fromkeys(_short_hash(word) for word in _words(text)[:_FINGERPRINT_WORDS]))


def is_shown(fingerprint: str, shown: str) -> bool:
    """Return whether a user's turn on the page is the prompt of this fingerprint; pages drop markup and add labels."""
    wanted = fingerprint.split(".") if fingerprint else []
    there = {_short_hash(word) for word in _words(shown)}
    return sum(word in there for word in wanted) >= _LEAST_SHARE * len(wanted)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _short_hash(word: str) -> str:
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()[:6]
