from __future__ import annotations

from dataclasses import replace
from time import thread_time

import pytest

from automation.turn import Attachment, Message
from backend.gateway.placement.history import (
    ConversationKey,
    canonical_text,
    empty_head,
    end_of_said,
    hash_prefixes,
)

SCOPE = ConversationKey("demo", "http://site.example/", "ada", "large")
CAT = Attachment("cat.png", "image/png", b"meow")


def user(text: str, *files: Attachment) -> Message:
    return Message("user", text, files)


def assistant(text: str) -> Message:
    return Message("assistant", text)


def head(*messages: Message, scope: ConversationKey = SCOPE) -> str:
    return hash_prefixes(empty_head(scope), messages)[-1]


def reasoning(text: str, kind: str = "reasoning") -> str:
    return f'<details type="{kind}" done="true" duration="2">\n<summary>Thought</summary>\n{text}\n</details>'


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (user("a\r\nb"), user("a\nb")),
        (user("a\rb"), user("a\nb")),
        (user("  a\n"), user("a")),
        (user("a", CAT), user("a", replace(CAT, name="dog.png", part="messages.0.content.1"))),
        (assistant("\n\na "), assistant("a")),
        (assistant("<think>hm</think>a"), assistant("a")),
        (assistant("\n<think>\nhm\n</think>\n\na"), assistant("a")),
        (assistant(f"{reasoning('> hm')}\na"), assistant("a")),
        (assistant(f"a\n{reasoning('', 'tool_calls')}\nb"), assistant("a\n\nb")),
        (assistant(f"{reasoning('<think>')}{reasoning('x')}a"), assistant("a")),
        (assistant(f"{reasoning('x')}<think>y</think>a"), assistant("a")),
        (assistant('<details type="reasoning">x<details type="reasoning">y</details>a'), assistant("a")),
    ],
)
def test_these_are_the_same(one, same):
    assert head(one) == head(same)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (user("a"), user("b")),
        (user("a"), assistant("a")),
        (user("a"), Message("system", "a")),
        (user("a  b"), user("a b")),
        (user("<think>x</think>a"), user("a")),
        (user("a", CAT), user("a")),
        (user("a", CAT), user("a", replace(CAT, data=b"woof"))),
        (assistant("a<think>x</think>"), assistant("a")),
        (assistant("<think>never closed"), assistant("")),
        (assistant('<details type="reasoning">never closed'), assistant("")),
        (assistant("<details><summary>More</summary>x</details>a"), assistant("a")),
    ],
)
def test_these_are_not_the_same(one, other):
    assert head(one) != head(other)


def test_what_two_messages_say_is_not_what_one_says():
    assert head(user("a"), user("b")) != head(user("ab"))
    assert head(user("a"), user("b")) != head(user("b"), user("a"))


def test_an_assistants_message_that_says_nothing_is_left_out():
    assert head(user("a"), assistant(" \n"), user("b")) == head(user("a"), user("b"))
    assert head(user("a"), user(""), user("b")) != head(user("a"), user("b"))


@pytest.mark.parametrize("name", ["endpoint", "site", "account", "model", "owner"])
def test_the_same_words_elsewhere_are_another_conversation(name):
    assert head(user("a"), scope=replace(SCOPE, **{name: "other"})) != head(user("a"))


def test_every_prefix_has_its_hash_and_a_history_goes_on_from_any():
    messages = [user("a"), assistant("b"), user("c"), assistant("d")]

    heads = hash_prefixes(empty_head(SCOPE), messages)

    assert len(set(heads)) == 5
    assert heads[:3] == hash_prefixes(empty_head(SCOPE), messages[:2])
    assert heads[2:] == hash_prefixes(heads[2], messages[2:])


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], 0),
        ([user("a")], 0),
        ([user("a"), assistant(""), user("b")], 0),
        ([user("a"), assistant("b"), user("c")], 2),
        ([user("a"), assistant("b"), user("c"), assistant("<think>x</think>"), user("d")], 2),
        ([user("a"), assistant("b"), Message("tool", "c"), user("d")], 2),
        ([assistant("a"), assistant("b")], 2),
    ],
)
def test_what_was_said_ends_with_the_last_words_of_the_assistant(messages, said):
    assert end_of_said(messages) == said


def test_half_a_surrogate_pair_can_be_hashed():
    assert head(user("\ud800")) != head(user("\ud801"))


@pytest.mark.parametrize(
    "piece", ['<details type="reasoning"', '<details type="reasoning">', "<details ", "<think>", "</details>"]
)
def test_text_that_opens_blocks_without_end_costs_little_more_than_plain_text(piece):
    times = []
    for text in ("x" * 400_000, piece * (400_000 // len(piece))):
        start = thread_time()
        canonical_text(assistant(text))
        times.append(thread_time() - start)

    assert times[1] < times[0] + 1.0, "quadratic: this took minutes"
