"""A program's dictionary becomes an endpoint, or is refused by the name of the field at fault."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from backend.errors import InvalidRequestError
from backend.providers.library.api_config import (
    build_codegen_defaults,
    build_endpoint_config,
    own_retries,
    parse_api_config,
    validate_endpoint,
)

URL = "https://api.example.com/v1"


@pytest.mark.parametrize(
    ("name", "config", "preset", "base_url"),
    [
        ("openai", {}, "openai", "https://api.openai.com/v1"),
        ("openai_api", {}, "openai", "https://api.openai.com/v1"),
        ("anthropic", {"base_url": URL}, "anthropic", URL),
        ("codegen_api", {"type": "api_based", "org_id": 323}, "codegen", "https://api.codegen.com"),
        ("mine", {"base_url": URL}, "openai_compatible", URL),
        ("mine", {"preset": "ollama"}, "ollama", "http://127.0.0.1:11434"),
    ],
)
def test_the_name_or_the_preset_tells_which_api_it_is(name, config, preset, base_url):
    endpoint = build_endpoint_config(name, parse_api_config(config), None)

    assert (endpoint.preset, endpoint.base_url) == (preset, base_url)


def test_codegens_organisation_is_told_as_text_and_its_retries_are_its_own():
    config = parse_api_config({"org_id": 323, "max_retries": 20, "base_delay": 2})
    endpoint = build_endpoint_config("codegen_api", config, None)

    assert endpoint.api == {"org_id": "323"}
    assert (build_codegen_defaults(config).max_retries, build_codegen_defaults(config).base_delay_s) == (
        20,
        2.0,
    )
    assert own_retries(endpoint, config) == 0


def test_a_contexts_key_wins_over_the_configurations():
    config = parse_api_config({"token": "from-config", "base_url": URL})

    alone, both = (
        build_endpoint_config("a", config, None),
        build_endpoint_config("a", config, SecretStr("from-context")),
    )

    assert alone.api_key is not None
    assert both.api_key is not None
    assert (alone.api_key.get_secret_value(), both.api_key.get_secret_value()) == (
        "from-config",
        "from-context",
    )


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"bas_url": URL}, "bas_url"),
        ({"base_url": "ftp://a"}, "base_url"),
        ({"timeout": -1}, "timeout"),
        ({"max_retries": 1000}, "max_retries"),
        ({"type": "by_post"}, "type"),
        ({"model_mapping": {"a": ["sk-secret"]}}, "model_mapping.a"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name_and_without_its_value(config, field):
    with pytest.raises(InvalidRequestError) as caught:
        parse_api_config(config)

    assert caught.value.param == field
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(("config", "field"), [({}, "base_url"), ({"preset": "nobody"}, "preset")])
def test_an_api_that_is_nowhere_is_refused(config, field):
    with pytest.raises(InvalidRequestError) as caught:
        build_endpoint_config("mine", parse_api_config(config), None)

    assert caught.value.param == field


def test_an_endpoint_is_called_what_the_provider_is_called():
    endpoint = validate_endpoint("mine", provider_type="web_chat", base_url=URL, profile="mine")

    assert (endpoint.name, endpoint.slug, endpoint.base_url) == ("mine", "mine", URL)


def test_a_field_at_fault_is_named_with_its_place():
    with pytest.raises(InvalidRequestError) as caught:
        validate_endpoint(
            "mine", "providers.mine", provider_type="web_chat", base_url="nowhere", profile="mine"
        )

    assert caught.value.param == "providers.mine.base_url"
