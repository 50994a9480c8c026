"""Reads profiles from files; an error names the file, the key and the line, before any browser starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from automation.errors import ProfileError
from automation.profiles.model import SelectorProfile
from automation.profiles.validation import parse_profile


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
