"""The JSON Schema of profiles takes what the loader takes, and refuses a wrong key as it does."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from automation.errors import ProfileError
from automation.profiles.schema import build_profile_schema, format_description
from automation.profiles.validation import parse_profile

SELECTORS = Path(__file__).resolve().parents[4] / "selectors"
SHIPPED = sorted(SELECTORS.glob("*.yaml"))
FIRST_LINE = "# yaml-language-server: $schema=profile.schema.json"
LEAST = {"input": "textarea", "assistant_turn": ".bot"}
SOCKET = {"decoder": "json_socket", "urls": "*", "text_path": "a", "end": "b==c"}


@pytest.fixture(scope="module")
def validator():
    return Draft202012Validator(build_profile_schema())


def is_parsed(data):
    try:
        parse_profile(data)
    except ProfileError:
        return False
    return True


def properties_in(schema):
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield from schema.get("properties", {}).items()
        for part in schema.values():
            yield from properties_in(part)


def test_it_is_a_schema_of_draft_2020_12():
    schema = build_profile_schema()

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_profile_that_we_ship_names_the_schema_and_keeps_to_it(path, validator):
    text = path.read_text("utf-8")

    assert text.splitlines()[0] == FIRST_LINE, f"{path.name} must begin with the line {FIRST_LINE}"
    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("section", [None, "wire"])
def test_a_wrong_key_in_a_profile_that_we_ship_is_refused(path, section, validator):
    data = yaml.safe_load(path.read_text("utf-8"))
    (data if section is None else data[section])["stopp"] = ".x"

    error = best_match(validator.iter_errors(data))

    assert error is not None
    assert "'stopp' was unexpected" in error.message


@pytest.mark.parametrize(
    "change",
    [
        {"send": ".a"},
        {"send": [".a", {"css": ".b", "text": "Go"}]},
        {"send": {"css": ".a", "text": ["Go", "Los"]}},
        {"conversation": {"delete": [".a", {"css": ".b", "text": "Delete"}, [".c", ".d"]]}},
        {"attachments": {"input": "a", "uploaded": ".b", "accept": "image/*", "max_files": 3}},
        {"wire": {"decoder": "json_sse", "urls": ["*/a", "*/b"], "text_path": "a", "end": "[DONE]"}},
        {"wire": {"decoder": "text", "urls": "*"}},
        {"wire": {**SOCKET, "request": ["a==b", "c!=d"]}},
        {"wire": {**SOCKET, "request_urls": "*/ask"}},
        {"wire": None, "sign_in": None, "limits": {"prompt_characters": None}},
        {"prompt_message": {"type": "ask", "text": "{prompt}"}},
        {"timeouts": {"idle_s": 0.5}, "site_words": {"banned": ["gone"]}},
    ],
)
def test_what_the_loader_takes_is_taken(change, validator):
    data = {**LEAST, **change}

    assert is_parsed(data)
    assert [error.message for error in validator.iter_errors(data)] == []


@pytest.mark.parametrize(
    "change",
    [
        {"send": 5},
        {"send": ""},
        {"input": []},
        {"send": {"css": ".a", "txt": "Go"}},
        {"send": {"text": "Go"}},
        {"spare_pages": "often"},
        {"timeouts": {"idle_s": 0}},
        {"sign_in": {"username": "a"}},
        {"attachments": {"uploaded": []}},
        {"conversation": {"delete": [[]]}},
        {"wire": {"decoder": "sse", "urls": "*"}},
        {"wire": {"decoder": "text", "urls": []}},
        {"wire": {"decoder": "json_sse", "urls": "*", "end": "[DONE]"}},
        {"wire": {"decoder": "text_sse", "urls": "*"}},
        {"wire": {"decoder": "json_body", "urls": "*"}},
        {"wire": SOCKET},
    ],
)
def test_what_the_loader_refuses_is_refused(change, validator):
    data = {**LEAST, **change}

    assert not is_parsed(data)
    assert not validator.is_valid(data)


def test_every_key_of_the_schema_is_described():
    """A section's key may leave it to the section: editors show that one's."""
    bare = [
        name
        for name, schema in properties_in(build_profile_schema())
        if "description" not in schema and "$ref" not in schema
    ]

    assert bare == [], "write what they are for below their fields in automation/profiles"


def test_a_description_is_one_line_of_markdown():
    assert format_description("Not ``a``\n    but ``b``.") == "Not `a` but `b`."
