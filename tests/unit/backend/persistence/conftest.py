from __future__ import annotations

import pytest

from tests.fakes.databases import KINDS, open_test_database


@pytest.fixture(params=KINDS)
async def database_url(request: pytest.FixtureRequest, tmp_path):
    async with open_test_database(request.param, tmp_path) as address:
        yield address
