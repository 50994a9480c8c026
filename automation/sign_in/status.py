"""States of a sign-in by a person. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # who only tells how a sign-in stands needs no browser
    from automation.sign_in.qr_code import QrCode

SignInState = Literal["waiting", "qrcode", "signed_in", "refused", "cancelled", "expired", "lost"]


@dataclass(frozen=True, slots=True)
class SignInStatus:
    """State of a sign-in.

    Attributes:
        state: ``waiting`` and ``qrcode`` (the page shows one) go on, the others are ends: ``refused`` is the site's form's.
        qr: The QR code that the page shows now.
        reason: Why it ended, in plain words; empty before.
    """

    state: SignInState
    qr: QrCode | None = None
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Whether this is an end."""
        return self.state not in {"waiting", "qrcode"}
