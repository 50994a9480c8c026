"""Finds the selector profile that an endpoint names or contains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from automation.errors import ProfileError
from automation.profiles.loader import load_profile
from automation.profiles.model import SelectorProfile
from automation.profiles.validation import parse_profile
from backend.providers.config import EndpointConfig


def read_profile(config: EndpointConfig, folders: Sequence[Path]) -> SelectorProfile:
    """Return the endpoint's profile; a name is looked up in ``folders``, in this order.

    Raises:
        ProfileError: It has none, it is invalid, or there is no file of its name.
    """
    return resolve_profile(config.profile, folders, "endpoint")


def resolve_profile(
    named: str | Mapping[str, Any] | None, folders: Sequence[Path], source: str
) -> SelectorProfile:
    """Return the profile that is given inline or by its name; ``source`` is what an error says it was given in.

    Raises:
        ProfileError: There is none, it is invalid, or there is no file of its name.
    """
    if named is None:
        raise ProfileError(
            source, "profile", "is missing: name a file of the selectors folder or give one inline"
        )
    if isinstance(named, Mapping):
        return parse_profile(named)
    if named == "auto":
        raise ProfileError(source, "profile", "'auto' is not available in this version: name a profile")
    return load_profile(named, folders)
