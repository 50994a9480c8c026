"""What a person types into a site's sign-in form. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's; never logged, never shown."""

    username: str
    password: str = field(repr=False)
