"""Time limits of each wait of a turn. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds each wait may take; None means without limit.

    ``first_token_s`` counts from the send to the first sign of an answer (reasoning counts),
    ``idle_s`` between two signs of life after that, ``turn_s`` for the whole turn, ``witness_s`` from the wire's end until the
    page shows something of the answer. After ``send_confirm_s`` without any effect of the click on Send, a check for a
    person is looked for around the chat.
    """

    navigate_s: float = 30.0
    ready_s: float = 30.0
    compose_s: float = 20.0
    send_confirm_s: float = 10.0
    upload_s: float = 60.0
    first_token_s: float | None = 120.0
    idle_s: float | None = 45.0
    turn_s: float | None = None
    witness_s: float = 5.0
    stop_s: float = 3.0
    close_s: float = 5.0
    sign_in_s: float = 60.0
    lease_s: float = 120.0
