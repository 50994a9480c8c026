"""Renders a list of messages as one prompt for a chat page. Pure.

A single user message goes as it is, byte for byte. Otherwise: system text first and without a label, then every other
message under its role's label, oldest first, and last the user's message under ``User:``. Blocks are parted by a
blank line. The labels are plain words, because pages render or swallow markup.
"""

from __future__ import annotations

from automation.turn import Message, Prompt

LABELS = {"user": "User:", "assistant": "Assistant:", "tool": "Tool result:"}


def compose_transcript(prompt: Prompt) -> str:
    """Return the text to enter into the page."""
    messages = [m for m in prompt.messages if m.text or m is prompt.messages[-1]]
    if len(messages) == 1:
        return messages[0].text
    system = [m.text for m in messages if m.role == "system"]
    others = [m for m in messages if m.role != "system"]
    if len(others) == 1 and others[0].role == "user":
        return "\n\n".join([*system, others[0].text])
    return "\n\n".join([*system, *(_labelled(m) for m in others)])


def _labelled(message: Message) -> str:
    return f"{LABELS[message.role]}\n{message.text}"
