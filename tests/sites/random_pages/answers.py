"""What is asked of a random page, and what it answers when. Pure."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

_WORDS = ("Yes", "42", "Paris", "No.", "é", "7", "Internationalisation", "🙂", "ok", "`x`")
_PARAGRAPHS = (
    "A river is **water** that *moves*, see [the map](https://example.org/map?a=1&b=2).",
    'It says "go" & `stop <now>`; 2 < 3, naïve café, 日本語, 🙂.',
    "That is all there is to say about it.",
    "Here is what you asked for, step by step:",
    "The same words stand here twice. The same words stand here twice.",
)
_BLOCKS = (
    "# Rivers",
    "## What it costs",
    "```python\ndef add(a, b):\n    # Copy me\n    return a + b\n\n\nprint(add(1, 2))\n```",
    "```\n    four spaces\n\ttab\n\n<b>not bold</b> **nor this**\n```",
    "| item | price |\n| --- | --- |\n| tea | 2 |\n| **cake** | 3 |",
    "1. Boil\n2. Pour\n3. Wait",
    "- a cup\n- tea with `milk`\n- *time*",
)
_DRAFT_END = "I am not sure about the last part yet."
_MARKER = re.compile(r"Q(\d+)\.(\d+):")


@dataclass(frozen=True, slots=True)
class PageTurn:
    """One turn with a page.

    Attributes:
        continues: It goes on in the conversation of the turn before.
        draft: What the page shows until the end; the answer, where it replaces nothing.
        moments: The draft as it grows: seconds after the prompt came, and how many characters of it are there then.
    """

    prompt: str
    answer: str
    draft: str
    is_streamed: bool
    continues: bool
    moments: tuple[tuple[float, int], ...]


def plan_turns(seed: int, *, has_draft: bool) -> tuple[PageTurn, ...]:
    """Return the three turns of a page: a word, Markdown, and one of these answers again."""
    chance = random.Random(f"turns {seed}")
    answers = [chance.choice(_WORDS), _write_markdown(chance)]
    chance.shuffle(answers)
    answers.append(chance.choice(answers))
    continues = chance.choice(((False, False, False), (False, True, False), (False, True, True)))
    return tuple(
        _plan_turn(chance, f"Q{seed}.{number}: Tell me about it.", answer, goes_on, has_draft=has_draft)
        for number, (answer, goes_on) in enumerate(zip(answers, continues, strict=True))
    )


def find_turn(prompt: str) -> tuple[int, int] | None:
    """Return seed and number of the turn that a prompt asks: the last one, where it is a transcript of several."""
    found = _MARKER.findall(prompt)
    return (int(found[-1][0]), int(found[-1][1])) if found else None


def _write_markdown(chance: random.Random) -> str:
    blocks = []
    for _ in range(chance.randint(2, 4)):
        blocks += [chance.choice(_PARAGRAPHS), chance.choice(_BLOCKS)]
    return "\n\n".join([*blocks, chance.choice(_PARAGRAPHS)])


def _plan_turn(
    chance: random.Random, prompt: str, answer: str, continues: bool, *, has_draft: bool
) -> PageTurn:
    head, parting, _ = answer.rpartition("\n\n")
    is_replaced = has_draft and bool(head) and chance.random() < 0.6
    draft = f"{head}{parting}{_DRAFT_END}" if is_replaced else answer
    return PageTurn(
        prompt,
        answer,
        draft,
        is_streamed=chance.random() < 0.5,
        continues=continues,
        moments=tuple(_choose_moments(chance, len(draft))),
    )


def _choose_moments(chance: random.Random, length: int) -> list[tuple[float, int]]:
    """Let the text come within about a second after a wait, perhaps with a pause in it."""
    at_s = chance.choice((0.0, 0.05, 0.3, 0.8))
    size = max(1, length // chance.choice((4, 12, 40)))
    gap_s = chance.choice((0.0, 0.01, 0.02))
    pause_at = chance.randint(0, length) if chance.random() < 0.3 else -1
    moments = []
    shown = 0
    while shown < length:
        before, shown = shown, min(length, shown + chance.randint(1, 2 * size))
        at_s += gap_s + (chance.uniform(0.3, 1.2) if before <= pause_at < shown else 0.0)
        moments.append((at_s, shown))
    return moments
