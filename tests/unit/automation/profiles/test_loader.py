"""Profiles are read from files, and an error names the file, the key and the line."""

from pathlib import Path

import pytest

from automation.errors import ProfileError
from automation.profiles.loader import load_profile
from automation.profiles.model import SelectorProfile

SELECTORS = Path(__file__).resolve().parents[4] / "selectors"
SHIPPED = ["assistant-ui", "chainlit", "deep-chat", "gradio", "llama-cpp", "open-webui", "streamlit"]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_profile_that_we_ship_loads_and_says_what_it_is_for(name):
    profile = load_profile(name, [SELECTORS])

    assert profile.name == name
    assert profile.description
    assert profile.wire is not None


def test_no_profile_that_we_ship_is_left_out_here():
    assert sorted(path.stem for path in SELECTORS.glob("*.yaml")) == SHIPPED


def error_of(directory, text):
    (directory / "mine.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ProfileError) as caught:
        load_profile("mine", [directory])
    return caught.value


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("input: a\nassistant_turn: b\nsned: c\n", "sned", 3),
        ("# comment\ninput:\n  - a\n  # comment\n  - 'b['\nassistant_turn: b\n", "input.1.css", 5),
        ("input: a\nassistant_turn: b\nwire:\n  urls: x\n  decoder: magic\n", "wire.decoder", 5),
        ("input: a\nassistant_turn: b\nwire:\n  decoder: chainlit\n", "wire.urls", 3),
        ("input: a\nassistant_turn: b\nsend:\n  - css: c\n    txt: d\n", "send.0.txt", 5),
        ("input: a\n", "assistant_turn", 1),
        ("{}", "input", None),
        ("", "<root>", 1),
        ("- a\n- b\n", "<root>", 1),
        ("input: a\nsend: [b\n", "<root>", 3),
        ("input: a\n\tsend: b\n", "<root>", 2),
        ("a: 1\n---\nb: 2\n", "<root>", 2),
        ("input: !!python/object:os.system a\n", "<root>", 1),
        ("input: \x00\n", "<root>", None),
        (b"input: '\xff'\n", "<root>", None),
    ],
)
def test_an_error_in_a_file_names_the_file_the_key_and_the_line(tmp_path, text, key, line):
    error = error_of(tmp_path, text)

    assert (error.source, error.key, error.line) == ("mine.yaml", key, line)
    assert str(error).startswith(f"mine.yaml:{line}: {key}: " if line else f"mine.yaml: {key}: ")


def test_a_file_that_is_not_yaml_says_so(tmp_path):
    assert error_of(tmp_path, "input: [a\n").reason.startswith("is not YAML: expected ',' or ']'")
    assert error_of(tmp_path, b"\xff\xfe\xff").reason.startswith("is not YAML: 'utf-8' codec can't decode")


def test_a_profile_is_named_after_its_file(tmp_path):
    (tmp_path / "my_site-2.yaml").write_text("input: a\nassistant_turn: b\n", "utf-8")

    profile = load_profile("my_site-2", [tmp_path])

    assert profile == SelectorProfile(name="my_site-2", input=("a",), assistant_turn=("b",))


@pytest.mark.parametrize("name", ["other", "../mine", "mine.yaml", "", "/etc/passwd"])
def test_a_name_without_a_profile_lists_those_there_are(tmp_path, name):
    (tmp_path / "mine.yaml").write_text("input: a\nassistant_turn: b\n", "utf-8")
    (tmp_path / "yours.yaml").write_text("", "utf-8")

    with pytest.raises(ProfileError, match=r"there is no profile .*; there are: mine, yours"):
        load_profile(name, [tmp_path])


def test_a_name_in_no_folder_lists_the_folders_and_their_profiles(tmp_path):
    (tmp_path / "mine.yaml").write_text("input: a\nassistant_turn: b\n", "utf-8")
    missing = tmp_path / "missing"

    with pytest.raises(ProfileError) as caught:
        load_profile("other", [missing, tmp_path])

    assert caught.value.reason == (
        f"there is no profile 'other'; there are: none in {missing}; mine in {tmp_path}"
    )


def test_the_first_folder_that_has_a_profile_wins(tmp_path):
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    for folder, field in ((own, ".own"), (shipped, ".shipped")):
        folder.mkdir()
        (folder / "site.yaml").write_text(f"input: {field}\nassistant_turn: b\n", "utf-8")
    (shipped / "more.yaml").write_text("input: .more\nassistant_turn: b\n", "utf-8")

    fields = [load_profile(name, [own, shipped]).input[0].css for name in ("site", "more")]

    assert fields == [".own", ".more"]
