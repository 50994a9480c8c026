"""Frame-rate limiter of the live view: a byte budget, still pages answer at once, busy ones stay cheap. Pure."""

from __future__ import annotations

BYTES_PER_S = 500_000
_SAVED_S = 1.0
_SOON_S = 0.001


class FramePace:
    """Token bucket that fills by ``bytes_per_s`` and may go below zero by one frame.

    A page that stood still has saved ``_SAVED_S`` seconds of it, so that the frames after a click go out at once.
    """

    def __init__(self, now_s: float, bytes_per_s: float = BYTES_PER_S) -> None:
        self._bytes_per_s = bytes_per_s
        self._most = bytes_per_s * _SAVED_S
        self._saved = self._most
        self._at_s = now_s

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next frame may go out; 0 now."""
        self._fill(now_s)
        wait_s = -self._saved / self._bytes_per_s
        return wait_s if wait_s > _SOON_S else 0.0

    def sent(self, size_bytes: int, now_s: float) -> None:
        """Note a frame that goes out."""
        self._fill(now_s)
        self._saved -= size_bytes

    def acted(self, now_s: float) -> None:
        """Note that the person did something: the next frame goes out at once, whatever was used up."""
        self._fill(now_s)
        self._saved = max(self._saved, 0.0)

    def _fill(self, now_s: float) -> None:
        self._saved = min(self._most, self._saved + (now_s - self._at_s) * self._bytes_per_s)
        self._at_s = now_s
