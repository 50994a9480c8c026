"""Encrypts what is stored about accounts: passwords, API keys, sessions."""

from __future__ import annotations

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = "v1:"
_NONCE_SIZE = 12  # bytes; NIST SP 800-38D


class VaultError(Exception):
    """A stored secret can't be read: another ``SECRET_KEY`` wrote it, or it was altered."""

    def __init__(self) -> None:
        super().__init__(
            "A stored secret can't be read with this SECRET_KEY. Restore the key, or set the secret anew."
        )


class Vault:
    """AES-256-GCM under a key derived from ``SECRET_KEY`` (HKDF-SHA256).

    Every secret is bound to its purpose, such as ``endpoint/demo``, so that one can't be put in another's place.
    """

    def __init__(self, secret_key: str) -> None:
        kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"parley vault v1")
        self._cipher = AESGCM(kdf.derive(secret_key.encode()))

    def seal(self, secret: bytes, purpose: str) -> str:
        """Return the secret encrypted, as printable text; never twice the same."""
        nonce = os.urandom(_NONCE_SIZE)
        sealed = self._cipher.encrypt(nonce, secret, purpose.encode())
        return _VERSION + base64.b64encode(nonce + sealed).decode()

    def unseal(self, sealed: str, purpose: str) -> bytes:
        """Return what ``seal`` was given.

        Raises:
            VaultError: The key, the purpose or the text is not the one of ``seal``.
        """
        if not sealed.startswith(_VERSION):
            raise VaultError
        try:
            raw = base64.b64decode(sealed.removeprefix(_VERSION), validate=True)
            return self._cipher.decrypt(raw[:_NONCE_SIZE], raw[_NONCE_SIZE:], purpose.encode())
        except (InvalidTag, ValueError, binascii.Error) as exc:
            raise VaultError from exc
