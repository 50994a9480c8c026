"""Protocol of an API whose requests a provider takes as they came, and whose answers go back untouched. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from backend.providers.api.dialect import ApiRequest, ChatStream, WholeCompletion
from backend.wire.door import DoorRequest


class NativeApi(Protocol):
    """One such API. Stateless."""

    def request(self, door: DoorRequest, model: str | None) -> ApiRequest:
        """Return the request to the provider, for its ``model`` or the one that the client named.

        Raises:
            InvalidRequestError: It asks for what the gateway must not pass on; ``param`` names it.
        """
        ...

    def completion(self, body: bytes) -> WholeCompletion:
        """Return a whole answer, which is in the words of this API.

        Raises:
            ApiFailedError: It isn't one; also for an error under HTTP 200.
            KeyLimitedError: It is a limit under HTTP 200.
        """
        ...

    def stream(self, mask_words: Callable[[str], str]) -> ChatStream:
        """Return the reader of a streamed answer, whose events are this API's.

        Args:
            mask_words: Takes the endpoint's secrets out of what an error says.
        """
        ...
