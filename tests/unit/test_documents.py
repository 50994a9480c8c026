"""What the documents tell people to type exists: commands, their options, targets of make, keys of profiles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
import yaml

from automation.profiles.keys import list_keys
from automation.profiles.validation import parse_profile
from backend.cli.commands import app

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "selectors" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in DOCUMENTS}
GUIDE = TEXTS["docs/own-site.md"]
# The rest of the line holds its options, up to a quote or a comment.
COMMAND = re.compile(r"python -m backend\.cli(?: ([a-z-]+))?([^`\n#]*)")


def commands():
    group = typer.main.get_group(app)
    return {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in group.commands.items()
    }


def named_commands():
    return [
        (document, name, re.findall(r"--[a-z][a-z-]*", rest))
        for document, text in TEXTS.items()
        for name, rest in COMMAND.findall(text)
        if name
    ]


def test_every_command_that_a_document_names_exists_with_its_options():
    known = commands()

    named = named_commands()
    wrong = [
        f"{document}: {name} {option}"
        for document, name, options in named
        for option in options or [""]
        if name not in known or (option and option not in known[name])
    ]

    assert {name for _, name, _ in named} >= {"try", "doctor", "endpoints", "profile-schema"}
    assert wrong == []


def test_every_command_is_in_a_document():
    named = {name for _, name, _ in named_commands()} | {"serve"}  # `make run` is what people type

    assert sorted(set(commands()) - named) == []


def test_every_option_of_a_trial_is_in_the_guide():
    told = set(re.findall(r"--[a-z][a-z-]*", GUIDE))

    assert sorted(commands()["try"] - told - {"--help", "url"}) == []


def test_every_target_of_make_that_a_document_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    wrong = [
        f"{document}: make {target}"
        for document, text in TEXTS.items()
        for target in re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z-]+)", text)
        if target not in targets
    ]

    assert targets
    assert wrong == []


def guided_keys():
    """The keys in the first and last columns of the guide's tables, and those of its shown profiles."""
    rows = [line.strip("|").split("|") for line in GUIDE.splitlines() if line.startswith("| ")]
    cells = [cell for row in rows for cell in row]
    codes = [code for cell in cells for code in re.findall(r"`([a-z_]+(?:\.[a-z_]+)*)(?::[^`]*)?`", cell)]
    return sorted({code for code in codes if "." in code or code in _all_names() or code.endswith("_turn")})


def _all_names():
    return {key.split(".")[0] for key in list_keys()}


@pytest.mark.parametrize("key", [key for key in guided_keys() if key.split(".")[0] in _all_names()])
def test_a_key_that_the_guide_names_exists(key):
    assert key in list_keys()


def test_the_guide_names_keys():
    assert {"input", "new_chat.click", "wire.urls", "thinking_toggle"} <= set(guided_keys())


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL))
def test_each_profile_that_the_guide_shows_can_be_parsed(block):
    data = yaml.safe_load(block)

    profile = parse_profile({"input": "textarea", "assistant_turn": ".bot", **data})

    assert profile.model_fields_set >= set(data)
