"""Decides what to change in a profile after a trial, each thing in one line, the most urgent first. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from automation.capture.agreement import count_words
from automation.errors import (
    AccountError,
    AutomationError,
    CaptureDisagreesError,
    FirstTokenTimeout,
    IdleTimeout,
    SendUnconfirmedError,
    SignInRequiredError,
    SiteChangedError,
)
from automation.page.roles import RoleMatch, find_profile_key
from automation.profiles.model import SelectorProfile
from automation.workbench.report import AnswerReport, RequestRow
from automation.workbench.wire_guess import agree

_NONE = RoleMatch(0, 0)
_SHORT_ANSWER_S = 2.0
_WORDS_SHOWN = 6
_TEXT_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a trial saw, by the page agent's names of the roles.

    Attributes:
        opened: In the chat as it opened; empty where no page came.
        answering: The most at one time while the prompt was answered.
        ended: After the answer.
        answer: None where nothing was asked.
        could_be: Selectors of other elements that a role may mean.
    """

    profile: SelectorProfile
    opened: Mapping[str, RoleMatch]
    answering: Mapping[str, RoleMatch]
    ended: Mapping[str, RoleMatch]
    answer: AnswerReport | None
    requests: tuple[RequestRow, ...]
    error: AutomationError | None
    could_be: Mapping[str, tuple[str, ...]]

    def names(self, role: str) -> bool:
        """Whether the profile has selectors for the role."""
        return role in self.opened

    def most(self, role: str) -> RoleMatch:
        """The most that a role matched while the prompt was answered."""
        return self.answering.get(role, _NONE)

    def has_grown(self, role: str) -> bool:
        """Whether a role matched anything in the turn that it had not matched before."""
        before, most = self.opened.get(role, _NONE), self.most(role)
        return most.count > before.count or most.visible > before.visible or most.text != before.text

    @property
    def has_left(self) -> bool:
        """Whether the page is seen to have taken the prompt."""
        return self.has_grown("assistant_turn") or any(row.has_prompt for row in self.requests)


Rule = Callable[[Findings], str | None]


def find_problems(found: Findings) -> tuple[str, ...]:
    """Return what to change; empty where the profile does what it should."""
    rules = (*_AT_OPENING, *(_IN_TURN if found.answer is not None else ()))
    problems = tuple(problem for rule in rules if (problem := rule(found)) is not None)
    if not problems and found.error is not None:
        return (str(found.error),)
    return problems


def find_hints(found: Findings) -> tuple[str, ...]:
    """Return what could be better, or is worth a look."""
    return tuple(hint for rule in _HINTS if (hint := rule(found)) is not None)


# -- as the chat opens ------------------------------------------------------------------------------------------------


def _is_elsewhere(found: Findings) -> str | None:
    error = found.error
    if isinstance(error, SignInRequiredError):
        return f"{error} Name its form in 'sign_in', or try with a session (--account, --session)."
    if error is None or (found.opened and (found.answer or isinstance(error, SiteChangedError))):
        return str(error) if isinstance(error, AccountError) else None
    return str(error)


def _input_is_missing(found: Findings) -> str | None:
    match = found.opened.get("input")
    if match is None or match.visible:
        return None
    if match.count:
        return (
            f"'input' matches {match.count} hidden: name what opens the chat in 'open', what lies over it in 'dismiss', or "
            f"narrow 'input'{_suggest(found, 'input')}."
        )
    return f"'input' matches nothing on the page{_suggest(found, 'input')}."


def _shows_too_early(found: Findings) -> str | None:
    for role, when in (("stop", "while an answer is generated"), ("error", "when something is wrong")):
        match = found.opened.get(role, _NONE)
        if match.visible:
            return f"'{role}' is visible in a chat in which nothing was asked{_quote(match)}: it must match only {when}."
    return None


def _is_not_empty(found: Findings) -> str | None:
    match, error = found.opened.get("user_turn", _NONE), found.error
    turns = match if match.visible else found.opened.get("assistant_turn", _NONE)
    key = "user_turn" if match.visible else "assistant_turn"
    if isinstance(error, SiteChangedError) and error.profile_key == "new_chat" and turns.visible:
        return (
            f"The chat is not empty when it opens: '{key}' matches {turns.visible}{_quote(turns)}. Name the control that "
            "empties it in 'new_chat.click', or the address of an empty chat in 'path'; or narrow the key."
        )
    if match.visible and error is None and found.opened.get("assistant_turn") == match:
        return f"'user_turn' and 'assistant_turn' match the same{_quote(match)}: each must match one side's turns alone."
    return None


# -- in the turn ------------------------------------------------------------------------------------------------------


def _send_does_nothing(found: Findings) -> str | None:
    error = found.error
    if not isinstance(error, SiteChangedError | SendUnconfirmedError) or found.has_left:
        return None
    if isinstance(error, SiteChangedError) and error.profile_key not in {"send", "input"}:
        return f"'{find_profile_key(error.profile_key)}' matches nothing while {error.step}."
    if not found.names("send"):
        return f"The Enter key sends nothing here: name the button in 'send'{_suggest(found, 'send')}."
    match = found.most("send")
    if not match.count:
        return f"'send' matches nothing once there is text in the field{_suggest(found, 'send')}."
    if isinstance(error, SendUnconfirmedError):
        return f"'send' was clicked{_quote(match)} and nothing of the prompt left the page: is it the send button?"
    return f"'send' matches {match.count} of which none can be clicked once there is text{_suggest(found, 'send')}."


def _turns_are_missed(found: Findings) -> str | None:
    if not found.has_left:
        return None
    if found.names("user_turn") and not found.has_grown("user_turn"):
        return (
            "'user_turn' matched nothing new although the page took the prompt: correct it, or leave it out."
        )
    failed = isinstance(
        found.error, SendUnconfirmedError | FirstTokenTimeout | IdleTimeout | SiteChangedError
    )
    if (failed or (found.answer and not found.answer.page_text)) and not found.has_grown("assistant_turn"):
        return "'assistant_turn' matched nothing new although the page took the prompt: correct it."
    return None


def _answer_is_missed(found: Findings) -> str | None:
    if found.names("answer") and found.has_grown("assistant_turn") and not found.most("answer").count:
        return "'answer' matches nothing inside 'assistant_turn': correct it, or leave it out."
    return None


def _wire_is_missed(found: Findings) -> str | None:
    answer, wire = found.answer, found.profile.wire
    if wire is None or answer is None or answer.source == "wire" or not answer.page_text:
        return None
    likely = next((row for row in found.requests if row.shows_answer or row.has_prompt), None)
    if not any(row.is_of_profile for row in found.requests):
        seen = f"; the answer's looks like {likely.method} {likely.url}" if likely else ""
        return f"'wire.urls' matched no request{seen}{_wire_of(likely)}."
    if not answer.wire_text:
        return (
            f"'wire.decoder' {wire.decoder} reads no answer from what 'wire.urls' matched{_wire_of(likely)}."
        )
    return None


def _sources_differ(found: Findings) -> str | None:
    answer = found.answer
    if (
        answer is None
        or not answer.wire_text
        or not answer.page_text
        or agree(answer.wire_text, answer.page_text)
    ):
        return None
    more = _words_only_in(answer.page_text, answer.wire_text)
    if more:
        return f"The page's answer has words that the wire's has not ({more}): leave them out by 'answer' or 'exclude'."
    if isinstance(found.error, CaptureDisagreesError) or answer.source == "wire":
        less = _words_only_in(answer.wire_text, answer.page_text)
        return f"The page shows less than the wire told ({less}): does 'answer' match all of it?"
    return None


def _holds_the_prompt(found: Findings) -> str | None:
    answer = found.answer
    if answer is None or answer.source != "dom" or not answer.text or len(answer.prompt.split()) < 2:
        return None
    if answer.text.lstrip().startswith(answer.prompt.strip()):
        return "The answer begins with the prompt: 'assistant_turn' matches the user's turn, too."
    return None


def _end_is_missed(found: Findings) -> str | None:
    answer = found.answer
    if answer is None or not answer.page_text:
        return None
    if found.ended.get("stop", _NONE).visible and found.error is not None:
        return "'stop' is visible after the answer, too: it must match only while one is generated."
    if found.names("finished") and not found.most("finished").visible:
        return "'finished' was never visible, also not after the answer: correct it, or leave it out."
    if found.names("stop") and not found.most("stop").visible and answer.seconds >= _SHORT_ANSWER_S:
        return "'stop' was never visible while the answer came: correct it, or leave it out."
    return None


def _new_chat_is_missed(found: Findings) -> str | None:
    if found.names("new_chat") and found.error is None and not found.ended.get("new_chat", _NONE).count:
        return "'new_chat.click' matches nothing after an answer: correct it, or leave it out."
    return None


# -- what could be better ---------------------------------------------------------------------------------------------


def _greets(found: Findings) -> str | None:
    match = found.opened.get("assistant_turn", _NONE)
    if not match.visible:
        return None
    return f"'assistant_turn' matches {match.visible} in the empty chat{_quote(match)}: taken for a greeting, which is no answer."


def _could_read_wire(found: Findings) -> str | None:
    if found.profile.wire is not None:
        return None
    row = next((row for row in found.requests if row.suggestion), None)
    return f"The answer is on the wire, which is exact and comes at once: {row.suggestion}" if row else None


def _shows_nothing_yet(found: Findings) -> str | None:
    if found.answer is not None or found.error is not None:
        return None
    return (
        'Only the empty chat was looked at; with --ask "…" a prompt is sent, and the turn\'s keys are tried.'
    )


def _has_no_end(found: Findings) -> str | None:
    answer = found.answer
    if answer is None or answer.source != "dom" or found.names("stop") or found.names("finished"):
        return None
    return "The end was seen by rest alone: with 'stop' or 'finished' it is seen sooner, and for certain."


def _suggest(found: Findings, role: str) -> str:
    others = found.could_be.get(role, ())
    return f" (on the page: {', '.join(others[:3])})" if others else ""


def _wire_of(row: RequestRow | None) -> str:
    return f" ({row.suggestion})" if row is not None and row.suggestion else ""


def _quote(match: RoleMatch) -> str:
    text = match.text.strip()
    shown = text if len(text) <= _TEXT_SHOWN else f"{text[:_TEXT_SHOWN]}…"
    return f" (“{shown}”)" if shown else ""


def _words_only_in(one: str, other: str) -> str:
    more = count_words(one) - count_words(other)
    return " ".join(list(more)[:_WORDS_SHOWN])


_AT_OPENING: tuple[Rule, ...] = (_is_elsewhere, _input_is_missing, _shows_too_early, _is_not_empty)
_IN_TURN: tuple[Rule, ...] = (
    _send_does_nothing,
    _turns_are_missed,
    _answer_is_missed,
    _wire_is_missed,
    _sources_differ,
    _holds_the_prompt,
    _end_is_missed,
    _new_chat_is_missed,
)
_HINTS: tuple[Rule, ...] = (_greets, _could_read_wire, _has_no_end, _shows_nothing_yet)
