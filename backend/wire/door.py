"""Protocol of a request of another API than chat completions, and its translation. Pure."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol

DoorName = Literal["messages", "responses"]
"""The APIs besides chat completions that clients may speak."""


class TranslatedRequest(NamedTuple):
    """A request in the words of chat completions.

    Attributes:
        ignored: Names of what it asks for and a chat completion has no way to say.
    """

    body: dict[str, Any]
    ignored: tuple[str, ...] = ()


class DoorRequest(Protocol):
    """One request, as it came.

    Attributes:
        body: Its JSON.
    """

    name: DoorName
    body: dict[str, Any]

    def translate(self) -> TranslatedRequest:
        """Return it in the words of chat completions.

        Raises:
            InvalidRequestError: Something can't be translated; ``param`` names it.
            ValidationError: It is no request of its API.
        """
        ...
