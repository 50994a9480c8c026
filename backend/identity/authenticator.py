"""Protocol of authentication, and the authenticator that is used while authentication is off. Pure."""

from __future__ import annotations

from typing import Protocol

from backend.identity.principal import LOCAL_ADMINISTRATOR, Principal


class Authenticator(Protocol):
    """Knows whose a credential is. It is asked for every request, so what it looks up it should keep."""

    async def authenticate(self, credential: str) -> Principal:
        """Return who presents this API key or token; the empty string is none.

        Raises:
            InvalidCredentialError: It is nobody's.
            StorageError: Nobody can tell now.
        """
        ...


class LocalAuthenticator:
    """Takes everybody for the local administrator, whatever they present."""

    async def authenticate(self, credential: str) -> Principal:  # noqa: ARG002  the protocol's
        """Return the local administrator."""
        return LOCAL_ADMINISTRATOR
