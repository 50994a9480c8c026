"""The JSON Schema of profiles, by which editors complete, explain and check their keys. Pure."""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from automation.profiles.model import SelectorProfile
from automation.profiles.selector import RequiredSelectors, Selectors

_SHARED: Final = {"Selectors": Selectors, "RequiredSelectors": RequiredSelectors}


def build_profile_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12).

    It knows keys, types and what a decoder needs. What JSON Schema has no words for, such as whether CSS is CSS,
    ``parse_profile`` checks.
    """
    shared = {name: TypeAdapter(kind).json_schema() for name, kind in _SHARED.items()}
    schema: dict[str, Any] = _compact(SelectorProfile.model_json_schema(), shared)
    definitions = {**{name: {"anyOf": one["anyOf"]} for name, one in shared.items()}, **schema.pop("$defs")}
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "Selector profile of a chat page",
        **schema,
        "$defs": dict(sorted(definitions.items())),
    }


def format_description(text: str) -> str:
    """Return a docstring as one line of Markdown."""
    return " ".join(text.replace("``", "`").split())


def _compact(part: Any, shared: dict[str, Any]) -> Any:
    """Return the schema without what says nothing, with descriptions in Markdown, and with selectors by reference."""
    if isinstance(part, list):
        return [_compact(one, shared) for one in part]
    if not isinstance(part, dict):
        return part
    for name, one in shared.items():
        if part.get("anyOf") == one["anyOf"]:
            part = {"$ref": f"#/$defs/{name}", **{k: v for k, v in part.items() if k != "anyOf"}}
    kept = {key: _compact(value, shared) for key, value in part.items() if not _is_noise(key, value, part)}
    if isinstance(kept.get("description"), str):
        kept["description"] = format_description(kept["description"])
    return kept


def _is_noise(key: str, value: object, part: dict[str, Any]) -> bool:
    """Whether it is a title (it repeats the key), an empty default, or a list's length put beside the forms that are none."""
    if key == "default":
        return not isinstance(value, bool) and (not value or isinstance(value, dict))
    return (key == "title" and isinstance(value, str)) or (
        key == "minLength" and part.get("type") != "string"
    )
