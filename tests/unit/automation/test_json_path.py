"""What a path finds, and what is none."""

import pytest

from automation.json_path import Condition, JsonPath

MESSAGE = {
    "type": "delta",
    "n": 2,
    "done": True,
    "none": None,
    "a.b": "dotted",
    "choices": [{"delta": {"content": "x"}}, {"delta": {"content": "y"}}],
    "parts": [{"type": "text", "text": "A"}, {"type": "tool", "text": "B"}, {"text": "C"}],
    "map": {"k": {"v": 1}, "0": "zero"},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [MESSAGE]),
        ("type", ["delta"]),
        ("$.type", ["delta"]),
        ("choices.0.delta.content", ["x"]),
        ("choices[0].delta.content", ["x"]),
        ("$.choices[-1].delta.content", ["y"]),
        ("choices.-1.delta.content", ["y"]),
        ("choices.*.delta.content", ["x", "y"]),
        ("choices[*].delta.content", ["x", "y"]),
        ("choices.2.delta", []),
        ("choices.-3.delta", []),
        ("choices.first", []),
        ("map.*.v", [1]),
        ("map.0", ["zero"]),
        ('["a.b"]', ["dotted"]),
        ('$["a.b"]', ["dotted"]),
        ("none", [None]),
        ("none.more", []),
        ("type.*", []),
        ("missing.path", []),
        ("parts.*[type==text].text", ["A"]),
        ("parts.*[type!=tool].text", ["A", "C"]),
        ('[type=="delta"].n', [2]),
        ("[n==2].type", ["delta"]),
        ("[done==true].type", ["delta"]),
        ("[none==null].type", ["delta"]),
        ("[map==x].type", []),
        ("[@event==token].type", ["delta"]),
        ("$[@event!=token]", []),
        ("[choices.0.delta.content==x][done==true].n", [2]),
    ],
)
def test_a_path_finds_what_stands_there(path, found):
    assert JsonPath.parse(path).find(MESSAGE, "token") == found


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "is empty"),
        ("a..b", "at position 1"),
        ("a.", "at position 1"),
        (".a", None),
        ("a b", "at position 1"),
        ("a[", "at position 1"),
        ("a[]", "at position 1"),
        ("a[b]", "is not a condition"),
        ("a[==b]", "is not a condition"),
        ("a[b..c==d]", "is not a condition"),
        ('["\\x"]', "has broken quotes"),
        ('[a=="x"y]', "has broken quotes"),
        ("a[0]b", "at position 4"),
    ],
)
def test_what_is_no_path_is_refused_with_the_place(path, reason):
    if reason is None:
        assert JsonPath.parse(path) == JsonPath.parse(path[1:])
        return

    with pytest.raises(ValueError, match=reason):
        JsonPath.parse(path)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("type==delta", True),
        (" type == delta ", True),
        ("type!=delta", False),
        ("missing!=delta", True),
        ("missing==delta", False),
        ("n==2", True),
        ("n==2.0", False),
        ("choices.*.delta.content==y", True),
        ("@event==token", True),
        ("@event!=token", False),
        ('type==""', False),
        ("type==a==b", False),
        ("parts.*[type==tool].text==B", True),
        ("parts.*[type==tool].text==A", False),
        ("$==x", False),
        ("$.n == 2", True),
    ],
)
def test_a_condition_compares_what_json_writes(condition, holds):
    assert Condition.parse(condition).holds(MESSAGE, "token") is holds


@pytest.mark.parametrize("text", ["", "type", "type=delta", "==x", "a..b==x"])
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(ValueError, match="is not a"):
        Condition.parse(text)
