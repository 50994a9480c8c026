"""Process that sends one message through Apprise: JSON ``{"urls", "title", "body"}`` in; exit 0 once all have it."""

from __future__ import annotations

import json
import sys

import apprise

_NO_ADDRESS, _NOT_SENT = 3, 4


def main() -> int:
    """Send what standard input says, and return the exit status."""
    message = json.load(sys.stdin)
    sender = apprise.Apprise()
    if not sender.add(message["urls"]):
        return _NO_ADDRESS
    return 0 if sender.notify(body=message["body"], title=message["title"]) else _NOT_SENT


if __name__ == "__main__":
    sys.exit(main())
