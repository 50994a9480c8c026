"""Sessions of programs that keep none themselves. Pure."""

from __future__ import annotations

from automation.account.session_state import StorageState


class MemorySession:
    """Keeps one account's session while the program runs (a ``SessionStore``)."""

    def __init__(self, state: StorageState | None = None) -> None:
        self._state = state

    async def load(self) -> StorageState | None:
        """Return what was saved last, or None."""
        return self._state

    async def save(self, state: StorageState) -> None:
        """Replace it."""
        self._state = state

    async def clear(self) -> None:
        """Forget it."""
        self._state = None
