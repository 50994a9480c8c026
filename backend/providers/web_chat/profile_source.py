"""Finds the selector profile that an endpoint names or contains."""

from __future__ import annotations

from pathlib import Path

from automation.errors import ProfileError
from automation.profiles.loader import load_profile
from automation.profiles.model import SelectorProfile
from automation.profiles.validation import parse_profile
from backend.providers.config import EndpointConfig


def read_profile(config: EndpointConfig, selectors_dir: Path) -> SelectorProfile:
    """Return the endpoint's profile.

    Raises:
        ProfileError: It has none, it is invalid, or there is no file of its name.
    """
    if config.profile is None:
        raise ProfileError(
            "endpoint", "profile", "is missing: name a file of the selectors folder or give one inline"
        )
    if isinstance(config.profile, dict):
        return parse_profile(config.profile)
    if config.profile == "auto":
        raise ProfileError("endpoint", "profile", "'auto' is not available in this version: name a profile")
    return load_profile(config.profile, selectors_dir)
