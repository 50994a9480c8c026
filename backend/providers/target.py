"""The endpoint and the model that a request's model name was resolved to. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """What a name means.

    Attributes:
        model: The model's name at the site; None for what the endpoint has chosen.
        site_model: What the site is to be told; None where the site offers no choice.
    """

    slug: str
    model: str | None
    site_model: str | None

    @property
    def name(self) -> str:
        """The full name of what answers."""
        return f"{self.slug}/{self.model}" if self.model else self.slug
