"""How a list of messages becomes one prompt."""

import pytest

from automation.turn import Attachment, Message, Prompt
from automation.web_provider.transcript import compose_transcript

SYSTEM, USER, BOT, TOOL = (
    Message("system", "Be brief."),
    Message("user", "Hi"),
    Message("assistant", "Hello!"),
    Message("tool", "42"),
)


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([USER], "Hi"),
        ([Message("user", " \r\n  keep\tthis \n")], " \r\n  keep\tthis \n"),
        ([SYSTEM], "Be brief."),
        ([SYSTEM, USER], "Be brief.\n\nHi"),
        ([SYSTEM, Message("system", "In German."), USER], "Be brief.\n\nIn German.\n\nHi"),
        ([USER, BOT, Message("user", "Bye")], "User:\nHi\n\nAssistant:\nHello!\n\nUser:\nBye"),
        ([USER, SYSTEM, BOT], "Be brief.\n\nUser:\nHi\n\nAssistant:\nHello!"),
        ([SYSTEM, TOOL], "Be brief.\n\nTool result:\n42"),
        ([USER, BOT, TOOL], "User:\nHi\n\nAssistant:\nHello!\n\nTool result:\n42"),
        ([Message("assistant", ""), USER], "Hi"),
        ([Message("system", ""), USER], "Hi"),
        ([USER, Message("assistant", ""), Message("user", "Bye")], "User:\nHi\n\nUser:\nBye"),
    ],
)
def test_a_prompt_is_worded(messages, text):
    assert compose_transcript(Prompt(tuple(messages))) == text


def test_the_last_message_is_kept_even_when_it_has_no_text():
    picture = Message("user", "", (Attachment("a.png", "image/png", b"x"),))

    alone = compose_transcript(Prompt((picture,)))
    after_others = compose_transcript(Prompt((USER, BOT, picture)))

    assert alone == ""
    assert after_others == "User:\nHi\n\nAssistant:\nHello!\n\nUser:\n"
