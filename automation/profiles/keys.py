"""The keys of a profile, read from its models, and what an unknown one may have been meant for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import get_args

from pydantic.fields import FieldInfo

from automation.profiles.model import SelectorProfile
from automation.profiles.selector import ProfilePart, Selector

_MOST_PLACES = 3


def list_keys(model: type[ProfilePart] = SelectorProfile, prefix: str = "") -> dict[str, FieldInfo]:
    """Return every key with its field, those of nested mappings with dotted names; a selector's own are not among them."""
    keys: dict[str, FieldInfo] = {}
    for attribute, field in model.model_fields.items():
        name = field.alias or attribute
        keys[f"{prefix}{name}"] = field
        for nested in _nested_models(field):
            keys |= list_keys(nested, f"{prefix}{name}.")
    return keys


def suggest_key(location: Sequence[str | int]) -> str:
    """Return the keys that an unknown one may have been meant for, as a half-sentence; empty if none is near."""
    name = str(location[-1])
    if any(isinstance(part, int) for part in location):  # in a list of selectors
        near = get_close_matches(name, list_keys(Selector), n=1)
    else:
        near = _near_keys(name, "".join(f"{part}." for part in location[:-1]))
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _near_keys(name: str, prefix: str) -> list[str]:
    """Return the keys of that name in other mappings, else the nearest of the same mapping."""
    keys = list_keys()
    elsewhere = [key for key in keys if key.rpartition(".")[2] == name]
    if elsewhere:
        return elsewhere[:_MOST_PLACES]
    siblings = [
        key.removeprefix(prefix) for key in keys if key.rpartition(".")[0] == prefix.removesuffix(".")
    ]
    return [f"{prefix}{key}" for key in get_close_matches(name, siblings, n=1)]


def _nested_models(field: FieldInfo) -> list[type[ProfilePart]]:
    kinds = (field.annotation, *get_args(field.annotation))
    return [kind for kind in kinds if _is_mapping(kind)]


def _is_mapping(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, ProfilePart) and kind is not Selector
