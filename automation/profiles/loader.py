"""Reads profiles from files; an error names the file, the key and the line, before any browser starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from automation.errors import ProfileError
from automation.profiles.model import SelectorProfile
from automation.profiles.validation import parse_profile

_LONGEST_NAME = 60  # in UTF-8 within the 255 bytes that a file's name may have
SHIPPED_PROFILES = Path(__file__).resolve().parents[2] / "selectors"
"""Folder of the profiles that ship."""


def load_profile(name: str, folders: Sequence[Path]) -> SelectorProfile:
    """Read ``<name>.yaml`` from the first of the folders that has it.

    Raises:
        ProfileError: None has such a file, it is not YAML, or it is not a valid profile.
    """
    return read_profile_file(find_profile_file(name, folders), name)


def find_profile_file(name: str, folders: Sequence[Path]) -> Path:
    """Return the file of a profile in the first of the folders that has it.

    Raises:
        ProfileError: None has it; the error lists what they have.
    """
    is_name = len(name) <= _LONGEST_NAME and name.replace("-", "").replace("_", "").isalnum()
    path = next((p for folder in folders if is_name and (p := folder / f"{name}.yaml").is_file()), None)
    if path is None:
        known = "; ".join(_list_names(folder) for folder in folders)
        short = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
        raise ProfileError(f"{short}.yaml", "profile", f"there is no profile {short!r}; there are: {known}")
    return path


def read_profile_file(path: Path, name: str | None = None) -> SelectorProfile:
    """Read one file; its profile is called ``name``, else as the file is.

    Raises:
        ProfileError: It is not YAML, or it is not a valid profile.
        OSError: It can't be read.
    """
    try:
        text = path.read_text("utf-8")
        data = yaml.safe_load(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        mark = getattr(exc, "problem_mark", None)
        line = mark.line + 1 if mark else None
        raise ProfileError(path.name, "<root>", f"is not YAML: {getattr(exc, 'problem', exc)}", line) from exc
    if isinstance(data, Mapping):
        data = {"name": name or path.stem, **data}
    return parse_profile(data, path.name, dict(_key_lines(node, "")))


def _list_names(folder: Path) -> str:
    names = ", ".join(sorted(path.stem for path in folder.glob("*.yaml"))) or "none"
    return f"{names} in {folder}"


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
