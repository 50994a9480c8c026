"""``python -m backend.cli doctor`` with a real browser."""

from __future__ import annotations

import anyio
import pytest
from typer.testing import CliRunner, Result

from backend.assembly import open_vault
from backend.cli import commands as cli
from backend.persistence.endpoints import SqlEndpoints
from backend.persistence.engine import open_database
from backend.providers.config import EndpointConfig
from backend.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("own_logging")]


@pytest.fixture(autouse=True)
def _own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DATABASE_URL", "")


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["doctor", *arguments])


def store_endpoint(**browser: object) -> None:
    async def store() -> None:
        settings = Settings()
        settings.data_dir.mkdir(parents=True)
        async with open_database(settings.effective_database_url) as engine:
            config = EndpointConfig.model_validate(
                {
                    "slug": "mine",
                    "name": "Mine",
                    "provider_type": "web_chat",
                    "base_url": "http://x/",
                    "browser_config": browser,
                }
            )
            await SqlEndpoints(engine, open_vault(settings)).add_endpoint(config)

    anyio.run(store)


def test_the_gateways_own_browser_is_shown_as_a_site_sees_it():
    done = doctor()

    assert done.exit_code == 0, done.output
    assert "Mismatches: none" in done.output
    for name in ("browser", "driver", "display", "sandbox", "user agent", "time zone", "WebGL"):
        assert f"\n{name} " in f"\n{done.output}"
    assert "HEADLESS=false" in done.output


def test_an_endpoint_whose_browser_contradicts_itself_ends_with_1():
    store_endpoint(stealth={"navigator_platform": True}, timezone="Europe/Berlin")

    done = doctor("--endpoint", "mine")

    assert done.exit_code == 1
    assert "worker: platform is 'Linux x86_64', but 'Win32' elsewhere" in done.output
    assert "Europe/Berlin" in done.output


def test_an_endpoint_whose_persons_browser_is_gone_ends_with_1_and_names_the_field():
    store_endpoint(cdp_url="http://127.0.0.1:9")

    done = doctor("--endpoint", "mine")

    assert done.exit_code == 1
    assert "browser_config.cdp_url: no browser can be attached to at http://127.0.0.1:9" in done.output


def test_without_a_browser_it_ends_with_1_and_says_what_to_do(monkeypatch):
    monkeypatch.setenv("BROWSER_EXECUTABLE", "/nowhere/chrome")

    done = doctor()

    assert done.exit_code == 1
    assert "BROWSER_EXECUTABLE names '/nowhere/chrome'" in done.output


def test_an_endpoint_that_is_not_there_is_said_to_be_missing():
    done = doctor("--endpoint", "nobody")

    assert done.exit_code == 1
