"""The administrator's API key, the one that lies in the data directory."""

from __future__ import annotations

import hmac

from backend.errors import InvalidCredentialError
from backend.identity.principal import ADMINISTRATOR, Principal


class StaticKeyAuthenticator:
    """Knows one key, compared in constant time, and whose it is."""

    def __init__(self, key: str, principal: Principal = ADMINISTRATOR) -> None:
        self._key = key.encode()
        self._principal = principal

    async def authenticate(self, credential: str) -> Principal:
        """Return the key's owner.

        Raises:
            InvalidCredentialError: It is another key, or none.
        """
        if not hmac.compare_digest(credential.encode("latin-1", "replace"), self._key):
            raise InvalidCredentialError
        return self._principal
