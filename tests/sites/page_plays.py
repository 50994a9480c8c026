"""Reads what is asked at the sites of tests/sites/pages and what is right there; pure but for reading files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml

PAGES = Path(__file__).parent / "pages"

How = Literal["whole", "streamed", "told"]

# Errors of a site that did not take the prompt, by which it may be asked again though the site saw it.
REFUSALS = frozenset({"challenge_required", "rate_limited", "sign_in_required"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client got; ``error`` is the gateway's error object."""

    text: str
    error: dict[str, Any] | None = None


@dataclass(frozen=True)
class Ask:
    """One request, and what is right: a text, or one of these error codes with these words in its message."""

    messages: tuple[dict[str, str], ...]
    is_streamed: bool
    text: str | None
    codes: frozenset[str]
    words: str
    pause_s: float

    @property
    def prompt(self) -> str:
        return self.messages[-1]["content"]

    def find_sent_fault(self, reply: Reply, new_at_site: list[Any]) -> str | None:
        """Whether the error denies what the site got. A site may get what it refuses; only then it may be asked again."""
        if reply.error is None or reply.error.get("sent") != "no" or reply.error.get("code") in REFUSALS:
            return None
        is_denied = _write_entry(self.prompt) in map(_write_entry, new_at_site)
        return f"{self.prompt[:60]!r}: the site got it, but {reply.error!r}" if is_denied else None

    def find_fault(self, reply: Reply) -> str | None:
        """What is not right about this reply."""
        if reply.error is not None:
            is_right = reply.error.get("code") in self.codes and self.words in str(reply.error.get("message"))
        else:
            is_right = self.text is not None and reply.text == self.text
        if is_right:
            return None
        got = reply.error or reply.text
        right = self.text if self.text is not None else sorted(self.codes)
        how = "streamed" if self.is_streamed else "whole"
        return f"{self.prompt[:60]!r} ({how}): {got!r}\n    right: {right!r}"


def _write_entry(entry: Any) -> str:
    """What a site got; fields of a page know one line end."""
    text = entry if isinstance(entry, str) else json.dumps(entry)
    return text.replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True)
class Play:
    """One site with one profile, asked in one way. ``told`` is for cases that say themselves what is streamed."""

    folder: Path
    case: str
    profile: str
    how: How

    @property
    def name(self) -> str:
        case = self.case.removesuffix(".yaml").removeprefix("case").removeprefix("-")
        profile = self.profile.removesuffix(".yaml").removeprefix("profile").removeprefix("-")
        return "-".join(filter(None, (self.folder.name, case, "" if profile == case else profile, self.how)))

    @cached_property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = yaml.safe_load((self.folder / self.case).read_text())
        return document

    def read_profile(self) -> dict[str, Any]:
        profile: dict[str, Any] = yaml.safe_load((self.folder / self.profile).read_text())
        return profile

    def rounds(self, url: str) -> Iterator[list[Ask]]:
        """The requests, those that are made at once together; ``SITE`` in a text is the site's address."""
        for step in self.document["steps"]:
            yield [self._read_ask(one, url) for one in step.get("parallel", [step])]

    def _read_ask(self, step: dict[str, Any], url: str) -> Ask:
        messages = step.get("messages") or [{"role": "user", "content": step["prompt"]}]
        told = step.get("mode", "stream" if step.get("stream") else "both")
        codes = [*step.get("right", "").split(), *step.get("or_error", "").split()]
        text = step.get("expect")
        return Ask(
            messages=tuple(messages),
            is_streamed=told == "stream" or (told == "both" and self.how == "streamed"),
            text=text and text.replace("SITE", url),
            codes=frozenset(code for word in codes for code in word.strip(",").split("/") if "_" in code),
            words=step.get("words", ""),
            pause_s=step.get("pause", step.get("delay", 0)),
        )

    def find_site_fault(self, got: list[Any], asked: list[Ask], answered: list[Ask]) -> str | None:
        """What the site got that nobody asked, got too often, or didn't get."""
        received = Counter(map(_write_entry, got))
        too_much = received - Counter(_write_entry(ask.prompt) for ask in asked)
        missing = Counter(_write_entry(ask.prompt) for ask in answered) - received
        if self.document.get("cached"):  # the browser may answer from what it kept
            missing.clear()
        if too_much or missing:
            return f"the site got {dict(too_much)} more than was asked, and did not get {dict(missing)}"
        return None


def _is_left_open(step: dict[str, Any]) -> bool:
    return "parallel" not in step and step.get("mode", "both") == "both"


def _read_case(folder: Path, case: str) -> list[Play]:
    document = yaml.safe_load((folder / case).read_text())
    ways: list[How] = ["whole", "streamed"] if any(map(_is_left_open, document["steps"])) else ["told"]
    profiles = document.get("profiles", ["profile.yaml"])
    return [Play(folder, case, profile, how) for profile in profiles for how in ways]


def read_plays() -> tuple[list[Play], list[Play]]:
    """What is always played, of each site a part, and what is played where there is time.

    The part is a case's first profile whole and its last streamed, unless the case says that it is slow.
    """
    quick: list[Play] = []
    long: list[Play] = []
    for folder in sorted(path.parent for path in PAGES.glob("*/site.py")):
        for case in sorted(path.name for path in folder.glob("case*.yaml")):
            plays = _read_case(folder, case)
            chosen = [] if plays[0].document.get("slow") else [plays[0], *plays[1:][-1:]]
            quick += chosen
            long += [play for play in plays if play not in chosen]
    return quick, long
