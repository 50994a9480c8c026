"""Recognizes requests that a front-end makes for itself: titles, tags, follow-ups. Pure.

They carry pieces of a conversation and belong to none. The wording is that of the front-ends' own sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from automation.patterns import check_pattern, is_found
from automation.turn import Message
from backend.wire.chat_request import ChatRequest
from backend.wire.translate import translate_messages

# The words stand at the beginning, before what is quoted of the conversation.
_LOOKED_AT = 2000

_KNOWN = (
    # Open WebUI. Its retrieval template begins with "### Task:" too, and carries what the user asks: it is no match.
    r"\A\s*### Task:\s+Generate (?:a concise|1-3 broad tags|a detailed prompt for an?m? image)",
    r"\A\s*### Task:\s+Suggest 3-5 relevant follow-up",
    r"\A\s*### Task:\s+Analyze the chat history to determine the necessity of generating search",
    r"\A\s*### Task:\s+You are an autocompletion system",
    r"\A\s*Query: History:\n",  # choosing tools
    r"\A\s*Your task is to reflect the speaker's likely facial expression",
    # LibreChat
    r"\A\s*(?:Provide|Please generate) a concise, 5-word-or-less title for the conversation",
    r"\A\s*Analyze this conversation and provide:\s+1\. The detected language",
    r"\A\s*Detect user language and write in the same language an extremely concise title",
    # LobeChat, older LobeChat and Cherry Studio
    r"\A\s*You are a professional conversation summarizer\. Generate a concise title",
    r"\A\s*你是一名擅长会话的助理，你需要将用户的会话总结为",
    # Chatbox
    r"\A\s*Based on the chat history, give this conversation a (?:name|title)",
    # big-AGI
    r"\A\s*You are an AI conversation titles assistant",
    # NextChat
    r"\A\s*Please generate a four to five word title summarizing our conversation",
    r"\A\s*Summarize the discussion briefly in 200 words or less to use as a prompt for future context",
    r"\A\s*使用四到五个字直接返回这句话的简要主题",
    r"\A\s*简要总结一下对话内容，用作后续的上下文提示",
    # n8n's chat
    r"\A\s*Generate a concise, descriptive title for this conversation based on the user's message",
)


class BackgroundPatterns:
    """The known wordings, and those of an operator.

    Raises:
        ValueError: One of ``more`` is no regular expression of RE2's.
    """

    def __init__(self, more: Iterable[str] = ()) -> None:
        self._known = [re.compile(pattern) for pattern in _KNOWN]
        self._more = [check_pattern(pattern) for pattern in more]

    def match_request(self, request: ChatRequest) -> bool:
        """Whether a front-end asks something of its own, such as a title: a person's chat has no business with it.

        Raises:
            InvalidRequestError: The messages can't be read.
        """
        if request.conversation not in (None, "auto"):
            return False
        return self.match(translate_messages(request.messages).messages)

    def match(self, messages: Sequence[Message]) -> bool:
        """Whether the last message or a system message begins as a front-end's own request does."""
        asked = [m.text for m in messages if m.role == "system" or m is messages[-1]]
        beginnings = [text[:_LOOKED_AT] for text in asked]
        return any(pattern.search(text) for pattern in self._known for text in beginnings) or any(
            is_found(pattern, text) for pattern in self._more for text in beginnings
        )
