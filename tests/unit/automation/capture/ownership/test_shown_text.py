"""What a page shows of a stream's text: some of it, all of it, or something else."""

import pytest

from automation.capture.ownership.shown_text import Shown, compare_shown


@pytest.mark.parametrize(
    ("text", "page", "verdict"),
    [
        ("", "Paris", Shown.NOTHING),
        ("Paris", "", Shown.NOTHING),
        ("Paris", "Paris", Shown.ALL),
        ("**Paris**\n", "  Paris", Shown.ALL),
        ("Paris is", "Pa", Shown.SO_FAR),
        ("Pa", "Paris is", Shown.SO_FAR),
        ("Paris is", "Assistant: Paris is", Shown.ALL),
        ("Paris is a city", "Assistant Paris i", Shown.SO_FAR),
        ("[Paris](https://x.example/a) is big", "Paris is big", Shown.ALL),
        ("capital city France", "Paris is the capital of France", Shown.OTHERWISE),
        ("You asked: apples", "You asked: pears", Shown.OTHERWISE),
        ("You asked: What about apples", "You asked: What about pears", Shown.BEGUN),
        ("The sum is $x^2$ of all", "The sum is x squared", Shown.OTHERWISE),
        ("Yes", "No", Shown.OTHERWISE),
        ("👍", "👍", Shown.ALL),
        ("👍", "👎", Shown.OTHERWISE),
        ("巴黎是首都", "巴黎", Shown.SO_FAR),
        ("```python\nprint(1)\n```\n", "print(1)", Shown.ALL),
        ("~~~ js\nlet a\n~~~", "let a", Shown.ALL),
        ("```python\nprint(1)\n```", "python\nCopy\nprint(1)", Shown.ALL),
        ("```python\nprint(1)\n```", "```python\nprint(1)\n```", Shown.ALL),
        ("> ```sh\n> ls -a\n", "ls", Shown.SO_FAR),
        ("```pyth", "Paris", Shown.NOTHING),
        ("```python\nx\n```", "python", Shown.SO_FAR),
        ("```python\nprint(1)\n```", "Paris", Shown.OTHERWISE),
        ("say ```yes``` now", "say yes now", Shown.ALL),
        ("a" * 5000, "a" * 4000, Shown.ALL),
    ],
)
def test_only_letters_and_their_order_count(text, page, verdict):
    assert compare_shown(text, page) is verdict
