"""Selector profiles: what a chat page looks like, as data.

A profile is a YAML file in ``selectors/`` or an inline mapping. Every role is an ordered list of selectors: the first
that matches a visible element wins, and which one it was is recorded. A selector is plain CSS, or CSS and a text that
the element's own label must begin with: ``{css: "button", text: "New chat"}``. Selectors reach through open shadow
roots. An error names the file, the key and the line, before any browser starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    model_validator,
)

from automation.errors import ProfileError

DecoderName = Literal["openai_sse", "gradio_queue", "chainlit", "open_webui", "streamlit"]


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


class Wire(_Strict):
    """How the page's own traffic carries the answer.

    Attributes:
        decoder: Which pure decoder reads it.
        urls: Glob patterns of the answer's request (``*`` spans slashes); for WebSockets, of the socket's address.
        methods: HTTP methods of the answer's request.
        ready_message: The message that the page itself sends on a new socket once everything goes through it; before
            that nothing is sent. Engine.IO begins with long polling, which is not read, and says ``5`` then.
        snapshot_tail: Text that the page appends to unfinished answers, such as a cursor; it is not the model's.
    """

    decoder: DecoderName
    urls: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]
    methods: tuple[str, ...] = ("GET", "POST")
    ready_message: str = ""
    snapshot_tail: str = ""


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


class SignIn(_Strict):
    """The site's own sign-in form, filled with the account's credentials.

    Attributes:
        path: Path or URL of the form, resolved against the endpoint's address; the endpoint's ``login_url`` wins.
        signed_in: Matches only while signed in; without it the profile's ``input`` is used.
        signed_out: Matches on the sign-in page, also when the site logs out in mid-use.
        error: Where the form says why it refused.
    """

    path: str = "/"
    username: RequiredSelectors
    password: RequiredSelectors
    submit: Selectors = ()
    next_step: Selectors = ()
    signed_in: Selectors = ()
    signed_out: Selectors = ()
    error: Selectors = ()


class Limits(_Strict):
    """What the page takes. ``prompt_characters`` is the most that its input keeps; None when unknown."""

    prompt_characters: Annotated[int, Field(gt=0)] | None = None


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
        r"quota",
        r"slow down",
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
        retire_after_stop: The site may go on generating after its stop control was used; the page is closed then.
        user_turn: The container of one message of the user.
        assistant_turn: The container of one message of the model.
        answer: The Markdown body inside ``assistant_turn``; empty means the turn itself.
        thinking: Reasoning inside ``assistant_turn``, kept apart from the answer.
        exclude: Parts of ``assistant_turn`` that are not the model's: toolbars, avatars, suggestions.
        finished: Inside ``assistant_turn``, visible only when that answer is complete.
        error: Banners that mean the site reported an error; their text is passed on.
        dismiss: Buttons that close dialogs over the page.
        input_entry: ``set_text`` for a bare contenteditable that changes line ends which are typed or pasted into it.
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
    retire_after_stop: bool = False
    new_chat: NewChat = NewChat()
    user_turn: Selectors = ()
    assistant_turn: RequiredSelectors
    answer: Selectors = ()
    thinking: Selectors = ()
    exclude: Selectors = ()
    finished: Selectors = ()
    error: Selectors = ()
    dismiss: Selectors = ()
    cursor: str = ""
    input_entry: Literal["auto", "set_text"] = "auto"
    single_line_input: Literal["refuse", "flatten"] = "refuse"
    wire: Wire | None = None
    sign_in: SignIn | None = None
    limits: Limits = Limits()
    timeouts: ProfileTimeouts = ProfileTimeouts()
    site_words: SiteWords = SiteWords()


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
        raise ProfileError(source, key, reason, _line_of(key, lines)) from exc


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


def _line_of(key: str, lines: Mapping[str, int]) -> int | None:
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
