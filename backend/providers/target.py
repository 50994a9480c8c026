"""The endpoint and the model that a request's model name was resolved to. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """Endpoint and model that a name resolves to.

    Attributes:
        model: The model's name at the site; None for what the endpoint has chosen.
        site_model: Model to choose at the site; None where the site offers no choice.
    """

    slug: str
    model: str | None
    site_model: str | None

    @property
    def name(self) -> str:
        """The full name of endpoint and model."""
        return f"{self.slug}/{self.model}" if self.model else self.slug
