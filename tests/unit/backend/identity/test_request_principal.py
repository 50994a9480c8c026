"""Who sends a request, as its scope tells."""

from __future__ import annotations

from typing import Any

import pytest

from backend.identity.principal import LOCAL_ADMINISTRATOR
from backend.identity.request_principal import find_principal, get_principal, set_principal


@pytest.mark.parametrize("scope", [{}, {"state": {"of": "the lifespan"}}])
def test_the_principal_is_found_again(scope: dict[str, Any]):
    set_principal(scope, LOCAL_ADMINISTRATOR)

    assert find_principal(scope) is LOCAL_ADMINISTRATOR
    assert get_principal(scope) is LOCAL_ADMINISTRATOR


@pytest.mark.parametrize("scope", [{}, {"state": {}}])
def test_a_request_that_passed_no_guard_is_nobodys(scope: dict[str, Any]):
    assert find_principal(scope) is None
    with pytest.raises(KeyError):
        get_principal(scope)
