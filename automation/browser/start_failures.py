"""Says why a program did not start, in its own words, and what to install where it lacks something. Pure."""

from __future__ import annotations

import re

# Which package of Debian and Ubuntu has a library that Chromium or Node.js is linked with.
_PACKAGES = {
    "libasound": "libasound2",
    "libatk-1.0": "libatk1.0-0",
    "libatk-bridge-2.0": "libatk-bridge2.0-0",
    "libatomic": "libatomic1",
    "libatspi": "libatspi2.0-0",
    "libcairo": "libcairo2",
    "libcups": "libcups2",
    "libdbus-1": "libdbus-1-3",
    "libdrm": "libdrm2",
    "libexpat": "libexpat1",
    "libgbm": "libgbm1",
    "libglib-2.0": "libglib2.0-0",
    "libgobject-2.0": "libglib2.0-0",
    "libgio-2.0": "libglib2.0-0",
    "libgtk-3": "libgtk-3-0",
    "libnspr4": "libnspr4",
    "libnss3": "libnss3",
    "libnssutil3": "libnss3",
    "libsmime3": "libnss3",
    "libpango-1.0": "libpango-1.0-0",
    "libstdc++": "libstdc++6",
    "libX11": "libx11-6",
    "libX11-xcb": "libx11-xcb1",
    "libxcb": "libxcb1",
    "libXcomposite": "libxcomposite1",
    "libXdamage": "libxdamage1",
    "libXext": "libxext6",
    "libXfixes": "libxfixes3",
    "libxkbcommon": "libxkbcommon0",
    "libXrandr": "libxrandr2",
}
_MISSING = re.compile(r"(?:loading shared libraries|Library not loaded): *([^\s:]+)")
_LOG_LINE = re.compile(r"\[pid=\d+\]\[(?:err|out)\] *(.*)")
_TELLING = re.compile(r"error|fatal|cannot|can't|not found|no usable|missing|denied", re.IGNORECASE)
_SANDBOX = re.compile(
    r"no usable sandbox|sandbox.{0,40}(?:fail|denied|not permitted)|setuid sandbox", re.IGNORECASE
)
_LONGEST = 300


def find_own_words(text: str) -> str:
    """Return what a program said of why it ended: of the driver's log of it, or of its output, the line that tells most."""
    logged = [found.group(1) for found in _LOG_LINE.finditer(text)]
    lines = [line.strip() for line in (logged or text.splitlines()) if line.strip()]
    telling = [line for line in lines if _TELLING.search(line)]
    return (telling or lines or [""])[0][:_LONGEST]


def is_about_sandbox(text: str) -> bool:
    """Whether a browser ended because its sandbox does not work here."""
    return _SANDBOX.search(text) is not None


def what_is_missing(text: str) -> str | None:
    """Return what to install where a shared library is missing; None where none is."""
    found = _MISSING.search(text)
    if found is None:
        return None
    library = found.group(1)
    package = _PACKAGES.get(library.partition(".so")[0])
    if package is None:
        return f"Install the package that has {library}, such as with `python -m playwright install-deps chromium`."
    return f"Install it: `apt-get install -y {package}`."
