"""Credentials for a site's sign-in form, and one-time codes (TOTP) from a secret. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials of one account; never logged, never shown.

    Attributes:
        totp_secret: Base32; one-time passwords are made from it (RFC 6238). None where the site asks for none.
    """

    username: str
    password: str = field(repr=False)
    totp_secret: str | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be in an error; the user name may."""
        return (self.password,) if self.totp_secret is None else (self.password, self.totp_secret)


def one_time_password(totp_secret: str, at_s: float) -> str:
    """Return the six digits that are valid at ``at_s`` (Unix seconds), as all common apps make them (RFC 6238).

    Raises:
        ValueError: The secret is no base32.
    """
    bare = totp_secret.replace(" ", "").replace("-", "").rstrip("=").upper()
    key = base64.b32decode(bare + "=" * (-len(bare) % 8))
    # Many sites' keys have 80 bits, fewer than the standard asks for.
    return TOTP(key, 6, SHA1(), 30, enforce_key_length=False).generate(int(at_s)).decode()  # noqa: S303
