"""Events of the network tap: requests, response bytes and WebSocket messages of the page. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestSent:
    """Event: the page sent a request of its own (not for a document, image, style or script)."""

    request_id: str
    url: str
    method: str
    body: str | None
    matches: bool


@dataclass(frozen=True, slots=True)
class ResponseBegan:
    """The response of one of these requests has a status. ``retry_after`` is that header's value, if there was one."""

    request_id: str
    url: str
    status: int
    media_type: str
    retry_after: str | None
    was_redirected: bool = False

    @property
    def is_other_page(self) -> bool:
        """Whether the site sent the request on to a web page, as one does whose session is over."""
        return self.was_redirected and self.media_type == "text/html"


@dataclass(frozen=True, slots=True)
class StreamMissed:
    """A worker gets a response, perhaps the answer's, whose request left before it could be watched.

    That happens to what a worker requests in its first moment, on a busy machine: the driver lets the worker run when it
    is ready itself, and asks nobody else. Chromium gives neither the address nor the bytes of such a response.
    """

    request_id: str


@dataclass(frozen=True, slots=True)
class ReplyCame:
    """The whole response of a request that was asked for: see ``NetworkTap.keep_reply``."""

    request_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class BodyBytes:
    """More of the body of the answer's response."""

    request_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class BodyEnded:
    """Event: the answer's response ended; ``failure`` says why it was cut, and is None after a clean end."""

    request_id: str
    failure: str | None


@dataclass(frozen=True, slots=True)
class SocketMessage:
    """One message of a WebSocket; ``outgoing`` ones were sent by the page."""

    socket_id: str
    payload: str | bytes
    outgoing: bool


@dataclass(frozen=True, slots=True)
class OtherSocketSent:
    """The page sent something through a WebSocket that the profile doesn't name; what it says is of no interest."""

    socket_id: str


@dataclass(frozen=True, slots=True)
class SocketClosed:
    """A WebSocket that matches the profile closed."""

    socket_id: str


TapEvent = (
    RequestSent
    | ResponseBegan
    | ReplyCame
    | StreamMissed
    | BodyBytes
    | BodyEnded
    | SocketMessage
    | OtherSocketSent
    | SocketClosed
)
