"""Keeps the newest screenshots of pages that didn't match their profile."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

_MOST = 50


class ScreenshotFolder:
    """Files that only the gateway's user reads; the oldest go when there are more than ``most``."""

    def __init__(self, directory: Path, most: int = _MOST) -> None:
        self._directory = directory
        self._most = most

    def save(self, slug: str, png: bytes) -> Path:
        """Write one picture and return where it is."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        path = self._directory / f"{stamp}-{slug}-{uuid.uuid4().hex[:6]}.png"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(png)
        for old in sorted(self._directory.glob("*.png"))[: -self._most]:
            old.unlink(missing_ok=True)
        return path
