"""Who everybody is with authentication off."""

from __future__ import annotations

import pytest

from backend.identity.authenticator import LocalAuthenticator
from backend.identity.principal import LOCAL_ADMINISTRATOR


@pytest.mark.parametrize("credential", ["", "not-needed", "sk-parley-wrong"])
async def test_with_authentication_off_everybody_is_the_local_administrator(credential):
    assert await LocalAuthenticator().authenticate(credential) is LOCAL_ADMINISTRATOR
