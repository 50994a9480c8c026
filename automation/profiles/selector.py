"""Building blocks of a profile's models: the base of every mapping, selectors, patterns. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urljoin

import soupsieve
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from automation.patterns import check_pattern
from automation.web_address import check_web_address

_DEEPEST = 20
_SOME_PAGE = "https://chat.example/"


class ProfilePart(BaseModel):
    """A mapping of a profile. Unknown keys are refused.

    The text below a field is its documentation: the JSON Schema takes it from there, and a test holds the tables of
    ``selectors/README.md`` against it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


def wrap_single(value: object) -> object:
    """Return a list for what may be written without one: a text, or a mapping."""
    return [value] if isinstance(value, str | Mapping) else value


def _check_css(css: object) -> object:
    if not isinstance(css, str):
        return css
    if ":-soup-" in css or ":contains(" in css:
        msg = "is not CSS: use {css: …, text: …} to match by text"
        raise ValueError(msg)
    _check_depth(css)
    try:
        soupsieve.compile(css)
    except soupsieve.SelectorSyntaxError as exc:
        msg = f"is not a CSS selector: {str(exc).splitlines()[0]}"
        raise ValueError(msg) from exc
    return css


def _check_depth(css: str) -> None:
    depth = deepest = 0
    for character in css:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        msg = f"is nested more than {_DEEPEST} deep"
        raise ValueError(msg)


def _check_address(path: str) -> str:
    check_web_address(urljoin(_SOME_PAGE, path))
    return path


def _parse_short_form(value: object) -> object:
    return {"css": value} if isinstance(value, str) else value


PagePath = Annotated[str, AfterValidator(_check_address)]
Pattern = Annotated[str, AfterValidator(check_pattern), Field(json_schema_extra={"format": "regex"})]
_Text = Annotated[str, Field(min_length=1)]


class Selector(ProfilePart):
    """CSS, and optionally how the element's label must begin, and what must or must not be inside."""

    css: Annotated[str, Field(min_length=1), BeforeValidator(_check_css)]
    """Plain CSS; a text can't be matched by it (no ``:contains()``), that is what ``text`` is for. Open shadow roots are
    searched by themselves, so a selector must match within one tree."""

    text: Annotated[
        tuple[str, ...], BeforeValidator(wrap_single, json_schema_input_type=str | tuple[str, ...])
    ] = ()
    """How the element's label (``aria-label``, else its text, also in open shadow roots) begins, in any case; one of several
    is enough. For a site in two languages: ``["Stop", "Anhalten"]``."""

    has: Annotated[
        Selector | None, BeforeValidator(_parse_short_form, json_schema_input_type="_Text | Selector")
    ] = None
    """What must be inside the element, at any depth and through open shadow roots: a selector itself, which may nest others.
    Turns that differ only by a name inside: ``{css: .row, has: {css: .name, text: Assistant}}``."""

    not_: Annotated[
        Selector | None, BeforeValidator(_parse_short_form, json_schema_input_type="_Text | Selector")
    ] = Field(default=None, alias="not")
    """What must not be inside the element; a selector itself."""


_AnySelector = Annotated[Selector, BeforeValidator(_parse_short_form)]
_ShortForm = _Text | Selector

Selectors = Annotated[
    tuple[_AnySelector, ...],
    BeforeValidator(wrap_single, json_schema_input_type=_ShortForm | tuple[_ShortForm, ...]),
]
RequiredSelectors = Annotated[
    tuple[_AnySelector, ...],
    BeforeValidator(
        wrap_single,
        json_schema_input_type=_ShortForm | Annotated[tuple[_ShortForm, ...], Field(min_length=1)],
    ),
    Field(min_length=1),
]
