"""Selector profiles: what a chat page looks like, as data.

A profile is a YAML file in ``selectors/`` or an inline mapping. Every role is an ordered list of selectors: the first
that matches a visible element wins, and which one it was is recorded. A selector is plain CSS, or CSS and a text that
the element's own label must begin with: ``{css: "button", text: "New chat"}``. Selectors reach through open shadow
roots. An error names the file, the key and the line, before any browser starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

import soupsieve
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from automation.errors import ProfileError
from automation.wire_format import Wire


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _check_css(css: str) -> str:
    if ":-soup-" in css or ":contains(" in css:
        msg = "is not CSS: use {css: …, text: …} to match by text"
        raise ValueError(msg)
    try:
        soupsieve.compile(css)
    except soupsieve.SelectorSyntaxError as exc:
        msg = f"is not a CSS selector: {str(exc).splitlines()[0]}"
        raise ValueError(msg) from exc
    return css


def _check_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as exc:
        msg = f"is not a regular expression: {exc}"
        raise ValueError(msg) from exc
    return pattern


def _check_message(message: dict[str, str]) -> dict[str, str]:
    if message and sum(value == "{prompt}" for value in message.values()) != 1:
        msg = "one value must be {prompt}"
        raise ValueError(msg)
    return message


Pattern = Annotated[str, AfterValidator(_check_pattern)]


class Selector(_Strict):
    """CSS, and optionally how the element's label must begin (any of ``text``, case-insensitive)."""

    css: Annotated[
        str, Field(min_length=1), BeforeValidator(lambda v: _check_css(v) if isinstance(v, str) else v)
    ]
    text: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, str):
            return {"css": value}
        if isinstance(value, Mapping) and isinstance(value.get("text"), str):
            return {**value, "text": (value["text"],)}
        return value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | Mapping) else value


Selectors = Annotated[tuple[Selector, ...], BeforeValidator(_as_list)]
RequiredSelectors = Annotated[tuple[Selector, ...], BeforeValidator(_as_list), Field(min_length=1)]


class NewChat(_Strict):
    """How the page gets an empty chat: by clicks, or by loading its address anew (no ``click``).

    Attributes:
        click: The control that starts a new chat.
        confirm: The button of a dialog that asks back.
        ready: Visible once the new chat takes input, where an empty page alone does not prove it.
        opens_socket: The page closes its WebSocket and opens another one for a new chat.
    """

    click: Selectors = ()
    confirm: Selectors = ()
    ready: Selectors = ()
    opens_socket: bool = False


class ConversationRules(_Strict):
    """How the page's chats go on from turn to turn.

    Attributes:
        remembers: The page takes its earlier turns into account; if not, each request is one transcript.
        url: Found in the page's address while that leads back to the chat that is shown, such as ``/c/[0-9a-f-]+``.
        in_browser: The site keeps its chats in the browser's storage, which is then saved with the session.
        temporary: Makes an empty chat one that the site does not keep; clicked for requests that nobody goes on with.
        delete: Clicks that delete the chat that is shown, one after the other, the last one confirming.
    """

    remembers: bool = True
    url: Pattern = ""
    in_browser: bool = False
    temporary: Selectors = ()
    delete: tuple[RequiredSelectors, ...] = ()


class SignInRules(_Strict):
    """The site's own sign-in form, filled with the account's credentials.

    Attributes:
        path: Path or URL of the form, resolved against the endpoint's address; the endpoint's ``login_url`` wins.
        code: The field for a one-time password, on the form or on the step after it.
        code_submit: Its button; without one the Enter key is pressed.
        signed_in: Matches only while signed in; without it the profile's ``input`` is used.
        signed_out: Matches on the sign-in page, also when the site logs out in mid-use.
        error: Where the form says why it refused.
    """

    path: str = "/"
    username: RequiredSelectors
    password: RequiredSelectors
    submit: Selectors = ()
    next_step: Selectors = ()
    code: Selectors = ()
    code_submit: Selectors = ()
    signed_in: Selectors = ()
    signed_out: Selectors = ()
    error: Selectors = ()


class ChallengeRules(_Strict):
    """What shows that a person must act, besides the checks of the vendors that every profile knows.

    Attributes:
        captcha: A check of the site's own.
        qrcode: A code to be scanned with the person's phone.
    """

    captcha: Selectors = ()
    qrcode: Selectors = ()


class AttachmentRules(_Strict):
    """How files get onto the page, and which of them it takes.

    Attributes:
        method: Through the page's file input, dropped onto ``drop_target``, or pasted into the prompt's field.
        input: The ``<input type=file>``; it may be hidden.
        opener: The control to click first. Without ``input`` it opens the browser's file chooser.
        drop_target: What files are dropped on.
        uploaded: The preview of a file that stands ready beside the prompt's field; one for each file.
        uploading: Visible while a file is still on its way.
        failed: Where the page says why it did not take a file; its text is passed on.
        remove: The control that takes a file away again.
        accept: Globs of the media types that the page takes, such as ``image/*``.
        max_bytes: Of one file.
        max_files: In one message.
    """

    method: Literal["input", "drop", "paste"] = "input"
    input: Selectors = ()
    opener: Selectors = ()
    drop_target: Selectors = ()
    uploaded: RequiredSelectors
    uploading: Selectors = ()
    failed: Selectors = ()
    remove: Selectors = ()
    accept: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)] = ("*/*",)
    max_bytes: Annotated[int, Field(gt=0)] | None = None
    max_files: Annotated[int, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _has_a_way(self) -> AttachmentRules:
        if self.method == "input" and not (self.input or self.opener):
            msg = "the method 'input' needs the key 'input' or 'opener'"
            raise ValueError(msg)
        if self.method == "drop" and not self.drop_target:
            msg = "the method 'drop' needs the key 'drop_target'"
            raise ValueError(msg)
        return self

    def takes(self, media_type: str) -> bool:
        """Whether the page takes files of this type."""
        return any(fnmatchcase(media_type, glob.lower()) for glob in self.accept)


class PromptLimits(_Strict):
    """What the page takes.

    Attributes:
        prompt_characters: The most that its input keeps; None when unknown.
        over_limit: What to do with a longer prompt: refuse it, or attach it as the file ``prompt.txt``.
        file_message: What stands in the input when the prompt is such a file.
    """

    prompt_characters: Annotated[int, Field(gt=0)] | None = None
    over_limit: Literal["refuse", "file"] = "refuse"
    file_message: Annotated[str, Field(min_length=1)] = (
        "My message is too long for this field, so it is in the attached file prompt.txt. "
        "Read all of it and answer it as if it stood here."
    )


class ProfileTimeouts(_Strict):
    """Overrides of ``Timeouts`` for slow or fast sites, in seconds."""

    first_token_s: Annotated[float, Field(gt=0)] | None = None
    idle_s: Annotated[float, Field(gt=0)] | None = None
    ready_s: Annotated[float, Field(gt=0)] | None = None
    dom_quiet_s: Annotated[float, Field(gt=0)] | None = None


class SiteWords(_Strict):
    """Regular expressions over the site's error text that tell what kind of error it is."""

    rate_limited: tuple[Pattern, ...] = (
        r"rate.?limit",
        r"too many (requests|messages)",
        r"slow down",
    )
    quota: tuple[Pattern, ...] = (
        r"quota",
        r"(daily|hourly|weekly|monthly|usage|message) limit",
        r"limit (will )?resets?",
    )
    muted: tuple[Pattern, ...] = (r"\bmuted\b", r"temporarily (restricted|suspended|blocked)")
    challenge: tuple[Pattern, ...] = (r"captcha", r"(verify|confirm)( that)? you('| a)re (a )?human")
    banned: tuple[Pattern, ...] = (
        r"account (has been |is |was )?(permanently )?(banned|disabled|deactivated|terminated|closed)",
    )
    content_blocked: tuple[Pattern, ...] = (
        r"content (policy|filter)",
        r"can't (help|assist) with (that|this)",
    )
    sign_in_required: tuple[Pattern, ...] = (r"session (has )?expired", r"(log|sign) ?in (again|to continue)")


class SelectorProfile(_Strict):
    """One chat page.

    Attributes:
        name: The profile's name; a file's stem.
        path: Where a new chat opens, resolved against the endpoint's address.
        frame: The ``<iframe>`` that holds the chat; empty when it is the page itself.
        input: The prompt's text field: ``<textarea>``, ``<input>`` or contenteditable.
        send: The send button; empty means Enter.
        stop: Visible only while an answer is being generated.
        spare_pages: Pages with an empty chat are held ready. Off where every open page costs the others: some sites tell all
            pages of an account what happens in any chat.
        retire_after_stop: The site may go on generating after its stop control was used; the page is closed then.
        user_turn: The container of one message of the user.
        assistant_turn: The container of one message of the model.
        answer: The Markdown body inside ``assistant_turn``; empty means the turn itself.
        thinking: Reasoning inside ``assistant_turn``, kept apart from the answer.
        thinking_toggle: The control that opens ``thinking``, where its text is not on the page while it is closed.
        sources: The links, or the cards with a link, by which ``assistant_turn`` names the pages that it cites.
        exclude: Parts of ``assistant_turn`` that are not the model's: toolbars, avatars, suggestions.
        finished: Inside ``assistant_turn``, visible only when that answer is complete.
        error: Banners that mean the site reported an error; their text is passed on.
        dismiss: Buttons that close dialogs over the page.
        input_entry: The one way to put a prompt into a contenteditable, where the choice by its editor is wrong.
        prompt_message: A message to its own window by which the page takes and sends a prompt, which ``{prompt}`` is
            in; for a page that changes prompts on their way out of its field.
        single_line_input: What to do with line ends where the input keeps none: refuse the prompt, or join its lines.
        cursor: Text at the end of an unfinished answer that is not the model's, such as "▌".
    """

    name: str = "<inline>"
    description: str = ""
    path: str = "/"
    frame: Selectors = ()
    input: RequiredSelectors
    send: Selectors = ()
    stop: Selectors = ()
    spare_pages: bool = True
    retire_after_stop: bool = False
    new_chat: NewChat = NewChat()
    conversation: ConversationRules = ConversationRules()
    user_turn: Selectors = ()
    assistant_turn: RequiredSelectors
    answer: Selectors = ()
    thinking: Selectors = ()
    thinking_toggle: Selectors = ()
    sources: Selectors = ()
    exclude: Selectors = ()
    finished: Selectors = ()
    error: Selectors = ()
    dismiss: Selectors = ()
    cursor: str = ""
    input_entry: Literal["auto", "insert", "set_text", "paste_text", "paste_paragraphs"] = "auto"
    prompt_message: Annotated[dict[str, str], AfterValidator(_check_message)] = {}
    single_line_input: Literal["refuse", "flatten"] = "refuse"
    wire: Wire | None = None
    sign_in: SignInRules | None = None
    challenge: ChallengeRules = ChallengeRules()
    attachments: AttachmentRules | None = None
    limits: PromptLimits = PromptLimits()
    timeouts: ProfileTimeouts = ProfileTimeouts()
    site_words: SiteWords = SiteWords()

    @field_validator("limits")
    @classmethod
    def _can_attach_a_prompt(cls, limits: PromptLimits, info: ValidationInfo) -> PromptLimits:
        rules: AttachmentRules | None = info.data.get("attachments")
        if limits.over_limit == "file" and not (rules and rules.takes("text/plain")):
            msg = "over_limit 'file' needs 'attachments' that accept text/plain"
            raise ValueError(msg)
        return limits


def parse_profile(
    data: object, source: str = "<inline>", lines: Mapping[str, int] | None = None
) -> SelectorProfile:
    """Validate a mapping as a profile.

    Raises:
        ProfileError: It is invalid; the error names ``source``, the dotted key and, if ``lines`` has it, the line.
    """
    lines = lines or {}
    if not isinstance(data, Mapping):
        raise ProfileError(source, "<root>", "a profile is a mapping of keys to selectors", 1)
    try:
        return SelectorProfile.model_validate(data)
    except ValidationError as exc:
        problems = [_problem(error) for error in exc.errors()]
        key, reason = problems[0]
        if len(problems) > 1:
            reason += "; also " + "; ".join(f"{k}: {r}" for k, r in problems[1:])
        raise ProfileError(source, key, reason, _find_line(key, lines)) from exc


def load_profile(name: str, directory: Path) -> SelectorProfile:
    """Read ``directory/<name>.yaml``.

    Raises:
        ProfileError: There is no such file, it is not YAML, or it is not a valid profile.
    """
    path = directory / f"{name}.yaml"
    if not name.replace("-", "").replace("_", "").isalnum() or not path.is_file():
        known = ", ".join(sorted(p.stem for p in directory.glob("*.yaml"))) or "none"
        raise ProfileError(f"{name}.yaml", "profile", f"there is no profile {name!r}; there are: {known}")
    try:
        text = path.read_text("utf-8")
        data = yaml.safe_load(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        mark = getattr(exc, "problem_mark", None)
        line = mark.line + 1 if mark else None
        raise ProfileError(path.name, "<root>", f"is not YAML: {getattr(exc, 'problem', exc)}", line) from exc
    if isinstance(data, Mapping):
        data = {"name": name, **data}
    return parse_profile(data, path.name, dict(_key_lines(node, "")))


def _problem(error: Any) -> tuple[str, str]:
    parts = [str(p) for p in error["loc"] if not str(p).startswith(("function-", "tuple["))]
    key = ".".join(parts) or "<root>"
    if error["type"] == "extra_forbidden":
        return key, "is not a key of a profile"
    return key, str(error["msg"]).removeprefix("Value error, ")


def _find_line(key: str, lines: Mapping[str, int]) -> int | None:
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return lines.get("", 1) if lines else None


def _key_lines(node: yaml.Node | None, prefix: str) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = f"{prefix}{key_node.value}"
            found.append((key, key_node.start_mark.line + 1))
            found += _key_lines(value_node, f"{key}.")
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            found.append((f"{prefix}{i}", item.start_mark.line + 1))
            found += _key_lines(item, f"{prefix}{i}.")
    return found
