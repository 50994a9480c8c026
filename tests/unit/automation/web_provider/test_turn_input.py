"""What goes into a page: all that it doesn't know yet."""

from automation.turn import Attachment, ChatLink, Message, Prompt
from automation.web_provider.transcript import compose_transcript
from automation.web_provider.turn_input import build_turn_input

PICTURE, NOTE = Attachment("a.png", "image/png", b"png"), Attachment("b.txt", "text/plain", b"note")
TALK = (
    Message("system", "Be brief."),
    Message("user", "first", (PICTURE,)),
    Message("assistant", "one"),
    Message("user", "second", (NOTE,)),
)
CONTINUED = Prompt(TALK, chat=ChatLink("a"), said=3)


def test_a_chat_that_goes_on_gets_only_what_is_new():
    ask = build_turn_input(CONTINUED, compose_transcript, is_continued=True)

    assert (ask.text, ask.attachments) == ("second", (NOTE,))
    assert (ask.is_continued, ask.is_single_turn) == (True, False)


def test_a_chat_that_is_gone_gets_all_of_it():
    ask = build_turn_input(CONTINUED, compose_transcript, is_continued=False)

    assert ask.text == "Be brief.\n\nUser:\nfirst\n\nAssistant:\none\n\nUser:\nsecond"
    assert ask.attachments == (PICTURE, NOTE)
    assert (ask.is_continued, ask.is_single_turn) == (False, False)


def test_a_first_turn_is_known_as_such():
    assert build_turn_input(Prompt(TALK[:2]), compose_transcript, is_continued=False).is_single_turn
