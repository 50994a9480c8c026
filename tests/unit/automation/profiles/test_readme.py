"""``selectors/README.md`` documents every key as the models have it, and what it shows of the wire can be read so."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from automation.capture.decoders.by_path.json_socket import JsonSocketDecoder
from automation.capture.decoders.protocol import WireEnd, WireOf
from automation.capture.decoders.registry import SOCKET_DECODERS, make_body_decoder, make_socket_decoder
from automation.errors import ProfileError
from automation.profiles.keys import list_keys
from automation.profiles.schema import build_profile_schema, format_description
from automation.profiles.selector import Selector
from automation.profiles.validation import parse_profile
from automation.profiles.wire_format import DecoderName
from tests.recordings.replay import sum_up

README = Path(__file__).resolve().parents[4] / "selectors" / "README.md"
HEAD = "| key | takes | default | what it is for |"
OF_ONE_UI = {"gradio_queue", "chainlit", "open_webui", "streamlit"}
FIELDS = {**list_keys(), **list_keys(Selector)}


# -- the tables of keys ---------------------------------------------------------------------------------------------------


def documented_rows():
    """Every row of a table of keys, by its key."""
    rows: dict[str, str] = {}
    is_in_table = False
    for line in README.read_text("utf-8").splitlines():
        is_in_table = line == HEAD or (is_in_table and line.startswith("|"))
        if is_in_table and (match := re.match(r"\| `([\w.]+)` \|", line)):
            assert match[1] not in rows, f"{README.name} documents {match[1]} twice"
            rows[match[1]] = line
    return rows


def schemas_by_key():
    """The JSON Schema of every key."""
    whole = build_profile_schema()
    definitions = whole["$defs"]
    found: dict[str, Any] = dict(definitions["Selector"]["properties"])

    def visit(properties, prefix):
        for name, schema in properties.items():
            found[f"{prefix}{name}"] = schema
            for part in (schema, *schema.get("anyOf", ())):
                nested = definitions.get(part.get("$ref", "").rpartition("/")[2], {})
                visit(nested.get("properties", {}), f"{prefix}{name}.")

    visit(whole["properties"], "")
    return found


SHAPES = {"boolean": "`true`, `false`", "integer": "whole number", "number": "number", "object": "mapping"}


def parse_answer_shape(schema):
    if "$ref" in schema:
        return "selectors" if schema["$ref"].endswith("Selectors") else "mapping"
    if "anyOf" in schema:
        first, second, *_ = schema["anyOf"]
        if second.get("$ref", "").endswith("/Selector"):
            return "selector"
        return parse_answer_shape(first) + (" or list" if second["type"] == "array" else "")
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if schema["type"] == "array":
        return f"list of {parse_answer_shape(schema['items'])}".removesuffix("s") + "s"
    if schema["type"] == "string":
        return "pattern" if schema.get("format") == "regex" else "text"
    return SHAPES[schema["type"]]


def default_of(key, schema):
    if FIELDS[key].is_required():
        return "**required**"
    default = schema.get("default", ())
    written = default if isinstance(default, list | tuple) else [str(default)]
    return ", ".join(
        f"`{'true' if one == 'True' else 'false' if one == 'False' else one}`" for one in written
    )


def row_of(key, schema):
    cells = (
        f"`{key}`",
        parse_answer_shape(schema),
        default_of(key, schema),
        format_description(FIELDS[key].description or ""),
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |".replace("|  |", "| |")


ROWS = {key: row_of(key, schema) for key, schema in schemas_by_key().items()}


def test_the_rows_are_those_of_the_models():
    assert set(ROWS) == set(FIELDS)


@pytest.mark.parametrize("key", sorted(FIELDS))
def test_every_key_says_what_it_is_for(key):
    assert FIELDS[key].description, f"write below the field of {key} in automation/profiles what it is for"


def test_every_key_is_documented():
    missing = {key: row for key, row in ROWS.items() if key not in documented_rows()}

    assert not missing, (
        f"selectors/README.md lacks {', '.join(missing)}; add to the table of its subject:\n"
        + "\n".join(missing.values())
    )


def test_every_documented_key_exists():
    unknown = sorted(set(documented_rows()) - set(ROWS))

    assert not unknown, f"selectors/README.md documents what no profile has; take out: {', '.join(unknown)}"


@pytest.mark.parametrize("key", sorted(ROWS))
def test_a_documented_key_is_described_as_in_the_model(key):
    shown = documented_rows().get(key)

    assert shown in {None, ROWS[key]}, (
        f"selectors/README.md describes {key} otherwise than its model; write:\n{ROWS[key]}"
    )


# -- the samples of the wire ----------------------------------------------------------------------------------------------


def fences_in(text):
    return re.findall(r"^```(\w+)\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)


def samples():
    """What each decoder's section shows of the wire, and the profile that reads it."""
    sections = re.split(r"^### `(\w+)`$", README.read_text("utf-8"), flags=re.MULTILINE)
    for name, text in zip(sections[1::2], sections[2::2], strict=True):
        fences = fences_in(re.split(r"^##", text, maxsplit=1, flags=re.MULTILINE)[0])
        pairs = zip(fences[::2], fences[1::2], strict=True)
        for number, ((_, wire), (_, profile)) in enumerate(pairs, 1):
            yield pytest.param(name, wire, profile, id=f"{name}-{number}")


def events_of(wire, sample):
    if wire.decoder in SOCKET_DECODERS:
        reader = make_socket_decoder(wire)
        for line in sample.splitlines():
            if line[0] == "→":
                begin_turn(reader, reader.sent(line[2:]))
            else:
                yield from of_turn(reader.received(line[2:]))
    else:
        body = make_body_decoder(wire)
        yield from body.feed(sample.encode())
        yield from body.closed()


def begin_turn(reader, sent):
    if isinstance(reader, JsonSocketDecoder):
        (asked,) = sent
        reader.begin(asked.turn_id)


def of_turn(events):
    return [inner for event in events for inner in (event.events if isinstance(event, WireOf) else [event])]


@pytest.mark.parametrize(("name", "sample", "profile"), list(samples()))
def test_the_wire_that_is_shown_is_read_by_the_profile_beside_it(name, sample, profile):
    wire = parse_profile({"input": "a", "assistant_turn": "b", **yaml.safe_load(profile)}).wire
    assert wire is not None

    told = sum_up(events_of(wire, sample))

    assert wire.decoder == name
    assert (told.text, told.ends) == ("Hello there!", [WireEnd()])
    assert told.reasoning in {"", "They want a greeting."}


def test_every_decoder_has_its_sample_or_is_of_one_ui():
    shown = {param.values[0] for param in samples()}

    assert shown | OF_ONE_UI == set(get_args(DecoderName))
    assert all(f"`{name}`" in README.read_text("utf-8") for name in OF_ONE_UI)


# -- which decoder has a use for which key ----------------------------------------------------------------------------------

EXAMPLES = {"text_path": "a", "end": "b==c", "events": "d", "snapshot": True, "request": "e==f"}


def read_table_of_decoders():
    """What stands in each cell, by decoder and key."""
    text = README.read_text("utf-8")
    start = text.index("| decoder | `text_path` |")
    head, _, *rows = text[start : text.index("\n\n", start)].splitlines()
    keys = re.findall(r"`(\w+)`", head)
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {
        (decoder.strip("`"), key): cell
        for decoder, *of_decoder in cells
        for key, cell in zip(keys, of_decoder, strict=True)
    }


USES = read_table_of_decoders()


def is_taken(wire):
    try:
        parse_profile({"input": "a", "assistant_turn": "b", "wire": wire})
    except ProfileError:
        return False
    return True


@pytest.mark.parametrize(("decoder", "key"), USES)
def test_the_table_of_decoders_says_which_keys_each_requires_takes_and_refuses(decoder, key):
    cell = USES[decoder, key]
    required = {name: value for name, value in EXAMPLES.items() if USES[decoder, name].startswith("required")}
    least = {"decoder": decoder, "urls": "*", **required}
    without = {name: value for name, value in least.items() if name != key}

    assert is_taken(least)
    assert is_taken({**least, key: EXAMPLES[key]}) == (cell != "refused")
    assert is_taken(without) == (not cell.startswith("required"))


def test_every_profile_that_is_shown_whole_can_be_parsed():
    whole = [yaml.safe_load(text) for kind, text in fences_in(README.read_text("utf-8")) if kind == "yaml"]

    (profile,) = [data for data in whole if "input" in data]

    assert parse_profile(profile).assistant_turn
