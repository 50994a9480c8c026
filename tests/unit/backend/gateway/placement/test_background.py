"""The wordings are those of the front-ends' own sources, shortened."""

from __future__ import annotations

import pytest

from automation.turn import Message
from backend.gateway.placement.background import BackgroundPatterns


def user(text: str) -> Message:
    return Message("user", text)


def system(text: str) -> Message:
    return Message("system", text)


OWN = [
    # Open WebUI
    [
        user(
            "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n### Guide"
        )
    ],
    [user("### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history, along with")],
    [
        user(
            "### Task:  \nSuggest 3-5 relevant follow-up questions or prompts that the user might naturally ask"
        )
    ],
    [user("### Task:\nAnalyze the chat history to determine the necessity of generating search queries, in")],
    [user("### Task:\nYou are an autocompletion system. Continue the text in `<text>` based on the")],
    [user("### Task:\nGenerate a detailed prompt for am image generation task based on the given language")],
    [user("Your task is to reflect the speaker's likely facial expression through a fitting emoji.")],
    [system("Available Tools: []\n\nYour task is to choose"), user("Query: History:\nUSER: hi\nQuery: hi")],
    # LibreChat
    [user("Provide a concise, 5-word-or-less title for the conversation, using title case conventions.")],
    [
        user(
            "Analyze this conversation and provide:\n1. The detected language of the conversation\n2. A concise"
        )
    ],
    [system("Please generate a concise, 5-word-or-less title for the conversation, using its"), user("x")],
    [system("Detect user language and write in the same language an extremely concise title for"), user("x")],
    # LobeChat
    [
        system("You are a professional conversation summarizer. Generate a concise title that captures"),
        user("user: hi\nassistant: hello"),
    ],
    [system("你是一名擅长会话的助理，你需要将用户的会话总结为 10 个字以内的标题"), user("user: hi")],
    # Chatbox
    [user("Based on the chat history, give this conversation a name.\nKeep it short - 10 characters max")],
    [user("Based on the chat history, give this conversation a title.\nKeep it short - 5 words max")],
    # big-AGI
    [
        system(
            "You are an AI conversation titles assistant who specializes in creating expressive yet few-words"
        ),
        user("Analyze the given short conversation"),
    ],
    # NextChat, after the whole conversation
    [
        user("hi"),
        Message("assistant", "hello"),
        user("Please generate a four to five word title summarizing our conversation without any lead-in"),
    ],
    [
        user("hi"),
        user("Summarize the discussion briefly in 200 words or less to use as a prompt for future context."),
    ],
    [user("使用四到五个字直接返回这句话的简要主题，不要解释、不要标点")],
    # n8n
    [
        system("Generate a concise, descriptive title for this conversation based on the user's message."),
        user("x"),
    ],
]

USERS = [
    [user("hi")],
    [user("Write a title for my essay about tags.")],
    [user("Why does my chat program send '### Task:\nGenerate a concise title'?")],
    # Open WebUI's retrieval template carries what the user asks
    [user("### Task:\nRespond to the user query using the provided context, incorporating inline citations")],
    [user("### Task: refactor this\nGenerate a concise version of it")],
    [user("Summarize the discussion below.")],
    # said earlier, and not asked now
    [
        user("Based on the chat history, give this conversation a name."),
        Message("assistant", "x"),
        user("hi"),
    ],
    [user("x" * 5000 + "\n### Task:\nGenerate a concise title")],
]


@pytest.mark.parametrize("messages", OWN)
def test_a_front_ends_own_request_is_known(messages):
    assert BackgroundPatterns().match(messages)


@pytest.mark.parametrize("messages", USERS)
def test_what_a_user_asks_is_not_taken_for_one(messages):
    assert not BackgroundPatterns().match(messages)


def test_an_operators_patterns_come_on_top():
    patterns = BackgroundPatterns(["(?i)^name this", "tags please"])

    assert patterns.match([user("NAME THIS talk")])
    assert patterns.match([user("three tags please")])
    assert patterns.match(OWN[0])
    assert not patterns.match([user("hi")])


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(ValueError, match="RE2"):
        BackgroundPatterns(["("])
