from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from backend.imports.import_file import Import, ImportFileError, parse_import
from backend.providers.config import EndpointDraft

OPENAI = {
    "id": "openai",
    "name": "OpenAI",
    "endpoint": "https://api.openai.com/v1",
    "type": "openai",
    "api_key_required": True,
}


def parse(document: object, **keys: str) -> Import:
    text = document if isinstance(document, str) else json.dumps(document)
    return parse_import(text, "providers.json", {name: SecretStr(key) for name, key in keys.items()})


def draft_of(name: str = "openai", /, key: str = "", **changes: Any) -> EndpointDraft:
    keys = {"OPENAI_API_KEY": key} if key else {}
    (one,) = parse({"providers": {name: {**OPENAI, "id": name, **changes}}}, **keys).endpoints
    return one.draft


def test_a_provider_becomes_an_endpoint():
    (one,) = parse({"providers": {"openai": OPENAI}}).endpoints

    assert (one.slug, one.where, one.lacks_key) == ("openai", "providers.openai", True)
    assert (one.draft.name, one.draft.provider_type, one.draft.preset) == ("OpenAI", "rest_api", "openai")
    assert (one.draft.base_url, one.draft.api_key) == ("https://api.openai.com/v1", None)


@pytest.mark.parametrize(
    ("kind", "endpoint", "preset"),
    [
        ("openai", "https://api.openai.com/v1", "openai"),
        ("openai", "https://api.deepseek.com", "deepseek"),
        ("openai", "https://api.deepinfra.com/v1/openai", "deepinfra"),
        ("openai", "http://127.0.0.1:1234/v1", "openai_compatible"),
        ("openai", "https://api.openai.com.example.org/v1", "openai_compatible"),
        ("anthropic", "https://api.anthropic.com", "anthropic"),
        ("google", "https://generativelanguage.googleapis.com", "google"),
        ("ollama", "http://localhost:11434", "ollama"),
    ],
)
def test_the_type_and_the_address_decide_which_language_is_spoken(kind, endpoint, preset):
    assert draft_of(type=kind, endpoint=endpoint).preset == preset


@pytest.mark.parametrize(
    ("kind", "endpoint", "expected"),
    [
        ("openai", "https://api.deepseek.com", "https://api.deepseek.com/v1"),
        ("anthropic", "https://api.anthropic.com/", "https://api.anthropic.com/v1"),
        ("openai", "https://api.openai.com/v2", "https://api.openai.com/v2"),
        ("openai", "http://127.0.0.1:1234", "http://127.0.0.1:1234"),
        ("ollama", "http://127.0.0.1:9999", "http://127.0.0.1:9999"),
    ],
)
def test_a_providers_bare_address_is_given_its_path(kind, endpoint, expected):
    assert draft_of(type=kind, endpoint=endpoint).base_url == expected


def test_models_become_names_that_clients_may_use_the_first_by_default():
    draft = draft_of(models=["gpt-4", {"name": "mini"}], weight=2, rate_limit=1.5, prices={"*": {"input": 1}})

    assert (draft.default_model, draft.model_mapping) == ("gpt-4", {"gpt-4": "gpt-4", "mini": "mini"})
    assert (draft.weight, draft.min_delay_between_requests, draft.prices["*"].input) == (2, 1.5, 1)


@pytest.mark.parametrize(
    ("name", "shown", "expected"),
    [
        ("my_openai", "My OpenAI", "My OpenAI"),
        ("work", "OpenAI (paid)", "work"),
        ("work", None, "work"),
        ("work", "名", "work"),
    ],
)
def test_the_endpoint_is_found_by_the_key_whatever_its_name(name, shown, expected):
    assert draft_of(name, name=shown).name == expected


def test_a_key_is_taken_as_it_is_or_from_the_setting_that_is_named():
    own = draft_of(api_key="sk-1").api_key
    named = draft_of(api_key="OPENAI_API_KEY", key="sk-2").api_key

    assert own is not None
    assert named is not None
    assert (own.get_secret_value(), named.get_secret_value()) == ("sk-1", "sk-2")


def test_a_key_of_the_settings_is_left_to_the_provider_and_never_given_to_another_address():
    keys = {"OPENAI_API_KEY": "sk-2"}
    own, other = parse(
        {
            "providers": {
                "openai": OPENAI,
                "other": {**OPENAI, "id": "other", "name": "Other", "endpoint": "http://10.0.0.1/v1"},
            }
        },
        **keys,
    ).endpoints

    assert (own.draft.api_key, other.draft.api_key) == (None, None)
    assert (own.lacks_key, other.lacks_key) == (False, True)


def test_rotations_are_read_with_their_providers_as_slugs():
    body = {
        "rotations": {
            "balanced": {"providers": [{"provider_id": "My_OpenAI", "models": [{"name": "gpt-4"}]}]}
        }
    }

    (one,) = parse(body).rotations

    assert (one.rotation.name, one.where) == ("balanced", "rotations.balanced")
    assert one.rotation.providers[0].provider_id == "my-openai"


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ('{"providers": {\n "openai": }', "line 2, column 12"),
        ("[]", "the document"),
        ({"provider": {}}, "provider"),
        ({"providers": {"openai": {**OPENAI, "typ": "openai"}}}, "providers.openai.typ"),
        ({"providers": {"openai": {**OPENAI, "type": "cohere"}}}, "providers.openai.type"),
        ({"providers": {"openai": {**OPENAI, "endpoint": "openai.com"}}}, "providers.openai.endpoint"),
        ({"providers": {"other": OPENAI}}, "providers.other.id"),
        ({"providers": {"users": {**OPENAI, "id": "users"}}}, "providers.users"),
        ({"providers": {"openai": {**OPENAI, "api_key": "OPENAI_API_KEY"}}}, "providers.openai.api_key"),
        ({"providers": {"openai": {**OPENAI, "models": [{"nme": "x"}]}}}, "providers.openai.models.0.name"),
        ({"rotations": {"r": {"providers": []}}}, "rotations.r.providers"),
        ({"rotations": {"a b": {"providers": [{"provider_id": "x"}]}}}, "rotations.a b"),
        ('{"providers": {}, "providers": {}}', "providers"),
        ("[" * 100_000, "the document"),
        ('{"providers": ' + "9" * 5_000 + "}", "the document"),
        ({"providers": {"openai": {**OPENAI, "endpoint": "http://[::1/v1"}}}, "providers.openai.endpoint"),
        ({"providers": {"openai": {**OPENAI, "endpoint": "http://a b/v1"}}}, "providers.openai.endpoint"),
        ({"providers": {"openai": {**OPENAI, "name": "\ud800"}}}, "providers.openai.name"),
        ({"providers": {"openai": {**OPENAI, "models": ["a\0"]}}}, "providers.openai.models.0"),
        ({"providers": {"openai": {**OPENAI, "api_key": "a\nb"}}}, "providers.openai.api_key"),
        (
            '{"rotations": {"r": {"providers": [{"provider_id": "x", "weight": 1e999}]}}}',
            "rotations.r.providers.0.weight",
        ),
        (
            '{"providers": {"openai": ' + json.dumps(OPENAI)[:-1] + ', "weight": NaN}}}',
            "providers.openai.weight",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_line_or_field_in_one_line(document, where):
    with pytest.raises(ImportFileError) as refused:
        parse(document)

    assert refused.value.where == where
    assert str(refused.value).startswith(f"providers.json: {where}: ")
    assert "\n" not in str(refused.value)


def test_a_wrong_file_is_refused_without_showing_its_keys():
    with pytest.raises(ImportFileError) as refused:
        parse({"providers": {"openai": {**OPENAI, "api_key": ["sk-secret"], "weight": "sk-secret"}}})

    assert "sk-secret" not in str(refused.value)
