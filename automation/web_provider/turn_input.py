"""Builds a turn's input: the whole conversation for a new chat, or only what is new in one that is continued. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from automation.turn import Attachment, Prompt


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
