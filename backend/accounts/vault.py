"""Encrypts stored secrets of accounts: passwords, API keys, sessions."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence

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
    """AES-256-GCM under a key derived from ``SECRET_KEY`` (HKDF-SHA256); ``old_keys`` only open what they once sealed.

    Every secret is bound to its purpose, such as ``endpoint/demo``, so that one can't be put in another's place.
    """

    def __init__(self, secret_key: str, old_keys: Sequence[str] = ()) -> None:
        self._cipher = _cipher(secret_key)
        self._old = [_cipher(key) for key in old_keys]

    def seal(self, secret: bytes, purpose: str) -> str:
        """Return the secret encrypted, as printable text; never twice the same."""
        return _VERSION + base64.b64encode(self._encrypted(secret, purpose)).decode()

    def seal_bytes(self, secret: bytes, purpose: str) -> bytes:
        """Return the secret encrypted, for a file: a third smaller than the text of ``seal``."""
        return _VERSION.encode() + self._encrypted(secret, purpose)

    def _encrypted(self, secret: bytes, purpose: str) -> bytes:
        nonce = os.urandom(_NONCE_SIZE)
        return nonce + self._cipher.encrypt(nonce, secret, purpose.encode())

    def unseal(self, sealed: str, purpose: str) -> bytes:
        """Return what ``seal`` was given.

        Raises:
            VaultError: The key, the purpose or the text is not the one of ``seal``.
        """
        return self._opened(_raw(sealed), purpose)[0]

    def unseal_bytes(self, sealed: bytes, purpose: str) -> bytes:
        """Return what ``seal_bytes`` was given.

        Raises:
            VaultError: The key, the purpose or the file is not the one of ``seal_bytes``.
        """
        return self._opened(_raw_of_file(sealed), purpose)[0]

    def resealed(self, sealed: str, purpose: str) -> str | None:
        """Return a secret that an old key sealed, sealed with the present one; None for one that needs nothing.

        Raises:
            VaultError: No key opens it.
        """
        secret, is_old = self._opened(_raw(sealed), purpose)
        return self.seal(secret, purpose) if is_old else None

    def resealed_bytes(self, sealed: bytes, purpose: str) -> bytes | None:
        """Do for a file what ``resealed`` does for text.

        Raises:
            VaultError: No key opens it.
        """
        secret, is_old = self._opened(_raw_of_file(sealed), purpose)
        return self.seal_bytes(secret, purpose) if is_old else None

    def _opened(self, raw: bytes, purpose: str) -> tuple[bytes, bool]:
        """Return the secret, and whether an old key had sealed it."""
        for cipher in (self._cipher, *self._old):
            try:
                secret = cipher.decrypt(raw[:_NONCE_SIZE], raw[_NONCE_SIZE:], purpose.encode())
            except (InvalidTag, ValueError):
                continue
            return secret, cipher is not self._cipher
        raise VaultError


def _raw(sealed: str) -> bytes:
    if not sealed.startswith(_VERSION):
        raise VaultError
    try:
        return base64.b64decode(sealed.removeprefix(_VERSION), validate=True)
    except (ValueError, binascii.Error) as exc:
        raise VaultError from exc


def _raw_of_file(sealed: bytes) -> bytes:
    if not sealed.startswith(_VERSION.encode()):
        raise VaultError
    return sealed.removeprefix(_VERSION.encode())


def _cipher(secret_key: str) -> AESGCM:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"parley vault v1")
    return AESGCM(kdf.derive(secret_key.encode()))
