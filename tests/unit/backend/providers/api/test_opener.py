"""API endpoints from their configuration: which dialect, which address, whose key, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from automation.secret_mask import SecretMask
from backend.errors import InvalidRequestError
from backend.providers.api.codegen.runs import CodegenDefaults
from backend.providers.api.dialects.custom import Custom
from backend.providers.api.dialects.ollama import Ollama
from backend.providers.api.opener import build_api_place, build_dialect, check_api, native_apis_of
from backend.providers.config import EndpointConfig

TOKEN = {"CODEGEN_TOKEN": SecretStr("t")}
API = {"request": {"path": "/ask", "body": {"q": "{{prompt}}"}}, "response": {"text": "a"}}
ELSEWHERE = CodegenDefaults(base_url="https://runs.example/v1", org_id="323")


def config(**values: Any) -> EndpointConfig:
    return EndpointConfig.model_validate({"name": "e", "slug": "e", "provider_type": "rest_api", **values})


def test_ollama_and_a_custom_api_have_their_dialects():
    own = config(base_url="https://a.example", api=API)

    assert isinstance(build_dialect(config(preset="ollama")), Ollama)
    assert isinstance(build_dialect(own), Custom)


OWN = "https://own.example/v1"


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"preset": "anthropic"}, {"messages"}),
        ({"preset": "anthropic", "base_url": OWN}, {"messages"}),
        ({"preset": "anthropic", "native_apis": []}, set()),
        ({"preset": "openai"}, {"responses"}),
        ({"preset": "openai", "base_url": OWN}, set()),
        ({"base_url": OWN, "native_apis": ["messages", "responses"]}, {"messages", "responses"}),
        ({"preset": "deepseek"}, set()),
    ],
)
def test_an_endpoint_gets_as_they_came_what_its_api_or_its_operator_says(asked, names):
    assert native_apis_of(config(api_key="k", **asked)) == names


@pytest.mark.parametrize(
    "asked",
    [
        {"preset": "anthropic", "native_apis": ["responses"]},
        {"preset": "ollama", "native_apis": ["messages"]},
        {"preset": "google", "native_apis": ["messages", "responses"]},
    ],
)
def test_an_api_that_a_dialect_has_no_address_for_is_refused(asked):
    with pytest.raises(InvalidRequestError) as caught:
        check_api(config(api_key="k", **asked), {})

    assert caught.value.param == "native_apis"


def test_a_custom_api_without_a_description_is_refused():
    with pytest.raises(InvalidRequestError) as caught:
        check_api(config(preset="custom", base_url="https://a.example"), {})

    assert caught.value.param == "api"


@pytest.mark.parametrize(
    ("asked", "param"),
    [({}, "api.org_id"), ({"api": {"org": "1"}}, "api.org"), ({"api": {"org_id": "1"}}, "api_key")],
)
def test_codegen_needs_its_organisation_and_a_key(asked, param):
    with pytest.raises(InvalidRequestError) as caught:
        check_api(config(preset="codegen", **asked), {})

    assert caught.value.param == param


@pytest.mark.parametrize(
    ("asked", "base_url", "authorization"),
    [
        ({}, "https://runs.example", "Bearer t"),
        ({"base_url": "https://runs.example/v1/"}, "https://runs.example", "Bearer t"),
        ({"base_url": "https://other.example"}, "https://other.example", None),
        ({"api_key": "own"}, "https://runs.example", "Bearer own"),
    ],
)
def test_the_gateways_token_goes_to_the_gateways_codegen_alone(asked, base_url, authorization):
    place = build_api_place(config(preset="codegen", **asked), TOKEN, ELSEWHERE)

    assert (place.base_url, place.headers.get("authorization")) == (base_url, authorization)


def test_codegens_time_is_its_setting_unless_the_endpoint_says_another():
    assert build_api_place(config(preset="codegen"), TOKEN, ELSEWHERE).timeouts.first_token_s == 300.0
    assert build_api_place(config(preset="codegen", timeout_seconds=7), TOKEN).timeouts.first_token_s == 7.0


def test_a_key_of_the_settings_that_no_header_can_carry_is_refused_by_the_settings_name():
    asked = config(preset="codegen", api={"org_id": "1"})

    with pytest.raises(InvalidRequestError, match=r"^CODEGEN_TOKEN: has a line break") as caught:
        check_api(asked, {"CODEGEN_TOKEN": SecretStr("hunter2\n")})

    assert "hunter2" not in str(caught.value)


def test_what_lets_an_api_in_is_not_shown_with_its_place():
    proxy = {"server": "http://proxy.example:3128", "username": "u", "password": "hunter2"}
    asked = config(base_url="https://a.example", api_key="hunter3", browser_config={"proxy": proxy})

    place = build_api_place(asked, {})

    assert place.proxy is not None
    assert str(place.proxy) == "http://u:hunter2@proxy.example:3128"
    assert "hunter" not in repr(place)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("bad key hunter3", "bad key …"),
        ("not Bearer hunter3!", "not …!"),
        ("quota true", "quota true"),
    ],
)
def test_an_apis_words_are_told_without_what_it_was_let_in_by(words, told):
    place = build_api_place(
        config(base_url="https://a.example", api_key="hunter3", headers={"x": "true"}), {}
    )

    assert SecretMask(place.secrets).words(words) == told


def test_a_name_and_a_password_in_base64_are_secrets_as_well():
    place = build_api_place(
        config(base_url="https://a.example", headers={"authorization": "Basic dTpodW50ZXIy"}), {}
    )

    assert SecretMask(place.secrets).words("no u:hunter2, no hunter2, no dTpodW50ZXIy") == "no …, no …, no …"
