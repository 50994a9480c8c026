"""The principal: the identity behind a request, its role and the models it may use. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class PrincipalKind(StrEnum):
    """How somebody came to be known."""

    LOCAL = "local"  # authentication is off
    KEY = "key"
    PERSON = "person"


class Role(StrEnum):
    """What somebody may do."""

    ADMIN = "admin"
    OPERATOR = "operator"  # endpoints, accounts and sign-ins; nobody else's words
    USER = "user"  # asks, and sees what is their own


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request: made once for each credential, and carried by everything that is done for it.

    Attributes:
        id: Whose usage, cached answers and place in a queue it is; at most 40 characters, as the database keeps it.
            Several keys of one person share it.
        key_id: The API key that was presented; empty without one.
        allowed_models: Names and globs (``demo/*``) of the models that may be asked; empty for all.
    """

    id: str
    kind: PrincipalKind
    role: Role
    key_id: str = ""
    allowed_models: tuple[str, ...] = ()

    @property
    def conversation_owner(self) -> str:
        """The owner under which conversations are kept.

        Empty for the built-in administrator, with authentication on and off: conversations were kept so before there
        was anybody else, and their owner is part of the hash by which they are found.
        """
        return "" if self.id == ADMINISTRATOR.id else self.id

    @property
    def visible_owner(self) -> str | None:
        """The owner whose conversations and usage may be seen; None for everybody's."""
        return None if self.role is Role.ADMIN else self.id

    def allows(self, model: str) -> bool:
        """Whether a model may be asked for by this name, as it stands in ``model`` and in ``GET /v1/models``."""
        return not self.allowed_models or any(fnmatchcase(model, allowed) for allowed in self.allowed_models)

    def allows_any(self, names: Sequence[str]) -> bool:
        """Whether one of these names, which mean the same model, may be asked for."""
        return any(map(self.allows, names))


LOCAL_ADMINISTRATOR = Principal("", PrincipalKind.LOCAL, Role.ADMIN)
"""Everybody, with authentication off."""

ADMINISTRATOR = Principal("admin", PrincipalKind.KEY, Role.ADMIN, key_id="admin_key")
"""Who has the key of ``DATA_DIR/admin_key``."""
