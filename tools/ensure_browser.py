"""Prints the path of a browser that starts, installing one where there is none; for set-up.

python -m tools.ensure_browser
"""

from __future__ import annotations

import sys

from automation.browser.discovery import browser_version, find_browser, install_browser, playwrights_chromium
from automation.errors import BrowserUnavailableError
from backend.settings import Settings


def main() -> int:
    """Print the browser's path on standard output and everything else on standard error; return the exit status."""
    chosen = Settings().browser_executable
    try:
        found = find_browser(chosen, playwrights_chromium())
        browser_version(found.executable)
    except BrowserUnavailableError as exc:
        _say(str(exc))
        if chosen:
            return 1
        try:
            found = install_browser(_say)
        except BrowserUnavailableError as failure:
            _say(str(failure))
            return 1
    print(found.executable)
    return 0


def _say(text: str) -> None:
    print(f"setup:   {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
