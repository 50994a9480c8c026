"""The clicks and keys on a page that reading an answer and filling a form need."""

from __future__ import annotations

from typing import Protocol


class Hands(Protocol):
    """Acts on the elements that the profile's roles name; see ``PageInput``."""

    async def click(self, role: str, step: str) -> None:
        """Click the role's element.

        Raises:
            SiteChangedError: There is none that can be clicked.
        """
        ...

    async def click_if_there(self, role: str, step: str) -> bool:
        """Click the role's element if there is one that is visible and uncovered; tell whether it was."""
        ...

    async def press(self, key: str, step: str) -> None:
        """Press one key."""
        ...

    async def insert(self, text: str, step: str) -> None:
        """Put text where the caret is."""
        ...
