import pytest

from automation.patterns import check_pattern, is_found


@pytest.mark.parametrize("pattern", ["", "a{4294967295}", "(a*)*b", "ä|ö", r"\bmuted\b", "a" * 1000])
def test_what_re2_takes_is_a_pattern(pattern):
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "missing"),
        ("a(?=b)", "invalid perl operator"),
        (r"(a)\1", "invalid escape sequence"),
        ("a{1000}{1000}", "bad repetition operator"),
        ("(((((a{100}){100}){100}){100}){100})", "regular expression"),
        ("a" * 1001, "more than 1000 characters"),
        ("\ud800", "half a surrogate pair"),
    ],
)
def test_what_it_does_not_is_said(pattern, words):
    with pytest.raises(ValueError, match=words):
        check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [("quota", "Your QUOTA", True), ("äpfel", "ÄPFEL", True), ("a", "b", False), ("b", "\ud800b", True)],
)
def test_words_are_found_in_any_case(pattern, text, found):
    assert is_found(pattern, text, ignores_case=True) is found
    assert is_found(pattern.upper(), text.lower()) is False


def test_a_text_against_a_pattern_takes_time_in_proportion_to_its_length():
    # Python's own takes longer than the universe is old.
    assert not is_found("(a*)*(a*)*(a*)*b", "a" * 200_000)
