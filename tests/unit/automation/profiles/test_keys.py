"""Which keys there are, and what an unknown one may have been meant for."""

import pytest

from automation.errors import ProfileError
from automation.profiles.keys import list_keys
from automation.profiles.loader import load_profile
from automation.profiles.validation import parse_profile

LEAST = {"input": "textarea", "assistant_turn": ".bot"}


def test_keys_of_nested_mappings_have_dotted_names():
    keys = set(list_keys())

    assert {"input", "new_chat", "new_chat.click", "wire.text_path", "sign_in.code_submit"} <= keys
    assert not {"click", "text_path", "input.css"} & keys


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inptu": "x"}, "inptu: is not a key of a profile; did you mean input?"),
        (
            {"wire": {"decoder": "text", "urls": "*", "text_pth": "a"}},
            "wire.text_pth: is not a key of a profile; did you mean wire.text_path?",
        ),
        ({"text_path": "a"}, "text_path: is not a key of a profile; did you mean wire.text_path?"),
        (
            {"new_chat": {"error": "a"}},
            "new_chat.error: is not a key of a profile; did you mean error or sign_in.error?",
        ),
        (
            {"send": {"css": "a", "txt": "b"}},
            "send.0.txt: is not a key of a profile; did you mean text?",
        ),
        ({"nonsense": 1}, "nonsense: is not a key of a profile"),
    ],
)
def test_an_unknown_key_is_told_with_what_is_near_it(change, said):
    with pytest.raises(ProfileError) as caught:
        parse_profile({**LEAST, **change})

    assert str(caught.value) == f"<inline>: {said}"


def test_in_a_file_the_line_is_told_too(tmp_path):
    (tmp_path / "mine.yaml").write_text("input: a\nassistant_turn: b\nnew_chat:\n  clik: c\n", "utf-8")

    with pytest.raises(ProfileError) as caught:
        load_profile("mine", [tmp_path])

    assert str(caught.value) == (
        "mine.yaml:4: new_chat.clik: is not a key of a profile; did you mean new_chat.click?"
    )
