"""The administrator's key."""

from __future__ import annotations

import pytest

from backend.errors import InvalidCredentialError
from backend.identity.principal import ADMINISTRATOR, Principal, PrincipalKind, Role
from backend.security.api_key import StaticKeyAuthenticator


async def test_the_key_is_the_administrators():
    assert await StaticKeyAuthenticator("sk-1").authenticate("sk-1") is ADMINISTRATOR


async def test_the_key_may_be_somebody_elses():
    ada = Principal("ada", PrincipalKind.KEY, Role.USER)

    assert await StaticKeyAuthenticator("sk-1", ada).authenticate("sk-1") is ada


@pytest.mark.parametrize("credential", ["", "sk-", "sk-11", "SK-1", "sk-\u00fc", "sk-\u4e2d", "sk-1\x00"])
async def test_everything_else_is_nobodys_foreign_letters_too(credential):
    with pytest.raises(InvalidCredentialError):
        await StaticKeyAuthenticator("sk-1").authenticate(credential)
