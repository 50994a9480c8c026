"""Accounts, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from backend.accounts.account_config import AccountConfig, AccountStatus
from backend.accounts.sealed_sessions import SealedSessions
from backend.accounts.states import AccountState
from backend.accounts.vault import Vault, VaultError
from backend.errors import StorageError
from backend.persistence.accounts import SqlAccounts
from backend.persistence.endpoints import SqlEndpoints
from backend.persistence.engine import open_database
from backend.persistence.key_rotation import reseal
from backend.persistence.sessions import SqlSessions
from backend.providers.config import EndpointConfig

ADA = AccountConfig.model_validate(
    {
        "id": "acc_1",
        "username": "ada",
        "password": "hunter2",
        "totp_secret": "JBSWY3DPEHPK3PXP",
        "max_requests_per_period": 3,
        "min_delay_between_requests": 1.5,
    }
)


@pytest.fixture
async def engine(database_url):
    async with open_database(database_url) as opened:
        config = {"slug": "demo", "name": "demo", "provider_type": "web_chat", "base_url": "http://x/"}
        await SqlEndpoints(opened, Vault("key")).add_endpoint(EndpointConfig.model_validate(config))
        yield opened


@pytest.fixture
async def accounts(engine) -> SqlAccounts:
    return SqlAccounts(engine, Vault("key"))


async def test_an_account_comes_back_whole_with_its_secrets(accounts):
    added = await accounts.add_account("demo", ADA)

    [kept] = await accounts.list_accounts("demo")

    assert kept.config == ADA
    assert kept.account_status == AccountStatus()
    assert kept.created_at == added.created_at


async def test_accounts_are_listed_oldest_first_and_by_endpoint(accounts):
    for name in ("acc_2", "acc_1", "acc_3"):
        await accounts.add_account("demo", AccountConfig(id=name))

    assert [one.config.id for one in await accounts.list_accounts("demo")] == ["acc_2", "acc_1", "acc_3"]
    assert await accounts.list_accounts("other") == []


async def test_how_an_account_stands_is_kept_with_its_time(accounts):
    await accounts.add_account("demo", ADA)
    account_status = AccountStatus(
        AccountState.RATE_LIMITED, "slow down", datetime(2026, 11, 25, 12, tzinfo=UTC)
    )

    await accounts.save_status("demo", "acc_1", account_status)

    assert [one.account_status for one in await accounts.list_accounts("demo")] == [account_status]


async def test_an_account_is_changed_and_forgotten(accounts):
    await accounts.add_account("demo", ADA)
    changed = AccountConfig(id="acc_1", username="grace")

    await accounts.update_account("demo", changed, AccountStatus(AccountState.BANNED, "closed"))
    [kept] = await accounts.list_accounts("demo")
    await accounts.delete_account("demo", "acc_1")

    assert (kept.config, kept.account_status.state) == (changed, AccountState.BANNED)
    assert await accounts.list_accounts("demo") == []


async def test_an_endpoint_that_is_deleted_takes_its_accounts_along(accounts, engine):
    await accounts.add_account("demo", ADA)

    await SqlEndpoints(engine, Vault("key")).delete_endpoint("demo")

    assert await accounts.list_accounts("demo") == []


async def test_secrets_are_sealed_and_open_with_their_key_alone(accounts, engine):
    await accounts.add_account("demo", ADA)
    async with engine.connect() as connection:
        row = str((await connection.execute(text("SELECT * FROM accounts"))).one())

    assert "hunter2" not in row
    assert "JBSWY3DPEHPK3PXP" not in row
    with pytest.raises(VaultError):
        await SqlAccounts(engine, Vault("another")).list_accounts("demo")


async def test_a_database_that_is_gone_is_a_storage_error(accounts, engine):
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE accounts"))

    with pytest.raises(StorageError):
        await accounts.list_accounts("demo")


async def test_a_new_key_takes_over_everything_that_an_old_one_sealed(accounts, engine):
    await accounts.add_account("demo", ADA)
    await SealedSessions(SqlSessions(engine), Vault("key"), "demo", "acc_1").save({"cookies": []})
    rotated = Vault("new key", ["key"])

    assert await reseal(engine, rotated) == 3
    assert await reseal(engine, rotated) == 0

    alone = Vault("new key")
    assert (await SqlAccounts(engine, alone).list_accounts("demo"))[0].config == ADA
    assert await SealedSessions(SqlSessions(engine), alone, "demo", "acc_1").load() == {"cookies": []}
    assert len(await SqlEndpoints(engine, alone).list_endpoints()) == 1


async def test_what_no_key_opens_stays_as_it_is(accounts, engine):
    await accounts.add_account("demo", ADA)

    assert await reseal(engine, Vault("another", ["yet another"])) == 0

    assert (await accounts.list_accounts("demo"))[0].config == ADA
