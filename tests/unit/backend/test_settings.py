from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from backend.gateway.routing.ranking import Strategy
from backend.providers.api.presets import PRESETS
from backend.settings import Settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("host", "auth", "is_on"),
    [
        ("127.0.0.1", "auto", False),
        ("localhost", "auto", False),
        ("::1", "auto", False),
        ("0.0.0.0", "auto", True),
        ("192.168.1.5", "auto", True),
        ("127.0.0.1", "on", True),
        ("0.0.0.0", "off", False),
    ],
)
def test_authentication_follows_the_address_unless_it_is_said(host, auth, is_on):
    assert Settings(host=host, auth=auth).is_auth_on is is_on


def test_lists_are_split_at_commas_and_origins_lose_their_slash(monkeypatch):
    monkeypatch.setenv("CORS_ORIGINS", "http://a.example/, http://b.example:3000,")
    monkeypatch.setenv("ALLOWED_HOSTS", "gateway.lan")

    settings = Settings()

    assert settings.cors_origins == ("http://a.example", "http://b.example:3000")
    assert settings.allowed_hosts == ("gateway.lan",)


def test_lists_may_be_given_as_lists():
    assert Settings(allowed_hosts=("a", "b")).allowed_hosts == ("a", "b")


def test_a_profile_is_looked_up_in_ones_own_folder_then_beside_the_data_then_among_those_that_ship(tmp_path):
    (tmp_path / "mine").mkdir()

    with_own = Settings(selectors_dir=tmp_path / "mine", data_dir=tmp_path / "data").profile_folders
    without = Settings(data_dir=tmp_path / "data").profile_folders

    assert with_own[:2] == (tmp_path / "mine", tmp_path / "data" / "selectors")
    assert (with_own[2] / "llama-cpp.yaml").is_file()
    assert without == with_own[1:]


def test_a_folder_of_profiles_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ValidationError, match=r"there is no folder .*nowhere: make it"):
        Settings(selectors_dir=tmp_path / "nowhere")


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("PORT", "")
    monkeypatch.setenv("SECRET_KEY", "")

    settings = Settings()

    assert (settings.port, settings.secret_key) == (8000, None)


def test_the_environment_wins_over_the_env_file(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("PORT=1111\nLOG_LEVEL=debug\n")
    monkeypatch.setenv("PORT", "2222")

    settings = Settings()

    assert (settings.port, settings.log_level) == (2222, "DEBUG")


def test_the_database_is_a_file_in_the_data_directory_unless_it_is_said(tmp_path):
    assert Settings(data_dir=tmp_path).effective_database_url == f"sqlite+aiosqlite:///{tmp_path}/parley.db"
    assert Settings(database_url="postgresql://h/d").effective_database_url == "postgresql://h/d"


def test_secrets_are_not_shown():
    settings = Settings(secret_key="hunter2", admin_password="hunter3", codegen_token="hunter4")

    assert "hunter" not in repr(settings)


def test_a_level_that_is_no_text_is_refused():
    with pytest.raises(ValidationError):
        Settings(log_level=3)


def test_every_setting_is_in_the_example_file(request):
    example = (request.config.rootpath / ".env.example").read_text()
    named = {
        line.partition("=")[0].lower() for line in example.splitlines() if "=" in line and line[0] != "#"
    }

    assert named == set(Settings.model_fields)


@pytest.mark.parametrize(
    "wrong",
    [
        {"background_request_patterns": "("},
        {"max_conversations": 0},
        {"conversation_ttl": 0},
        {"conversation_ttl": "inf"},
        {"routing_strategy": "fastest"},
        {"disable_after_failures": 0},
        {"response_cache_ttl": -1},
        {"redis_url": "http://127.0.0.1:6379"},
        {"alert_webhook_url": "hooks.example.com"},
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Settings(**wrong)


def test_the_strategies_of_the_setting_are_those_that_routing_knows():
    assert get_args(Settings.model_fields["routing_strategy"].annotation) == get_args(Strategy)


def test_keys_of_providers_are_found_by_the_name_of_their_variable():
    settings = Settings(_env_file=None, openai_api_key="sk-1")

    assert {name: key.get_secret_value() for name, key in settings.provider_keys.items()} == {
        "OPENAI_API_KEY": "sk-1"
    }


def test_every_key_that_a_preset_asks_for_is_found_by_that_name():
    asked_for = {preset.key_setting for preset in PRESETS.values() if preset.key_setting}
    given: dict[str, Any] = {name.lower(): "sk-1" for name in asked_for}

    assert set(Settings(_env_file=None, **given).provider_keys) == asked_for


@pytest.mark.parametrize("value", ["*", "proxy.lan", "10.0.0.0/99", "10.0.0.1:80"])
def test_a_proxy_that_is_trusted_is_an_address_or_a_network(value):
    with pytest.raises(ValidationError, match="no address or network"):
        Settings(trusted_proxies=value)


def test_proxies_that_are_trusted_are_split_at_commas():
    assert Settings(trusted_proxies="10.0.0.2, 172.16.0.0/12,::1").trusted_proxies == (
        "10.0.0.2",
        "172.16.0.0/12",
        "::1",
    )
