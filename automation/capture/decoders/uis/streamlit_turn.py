"""Keeps the elements that one run of a Streamlit script draws after its last user message. Pure.

Elements have paths in a tree of containers. Only what follows the last ``st.chat_message`` of the user is kept: the
history that each run draws anew is dropped with every further message of the user.
"""

from __future__ import annotations

import re
from typing import Literal

from automation.capture.decoders.framing.protobuf_wire import ProtoMessage
from automation.capture.decoders.joined_answer import Part, build_parts
from automation.capture.decoders.protocol import StreamFormatError
from automation.capture.decoders.uis.streamlit_fields import Block, Markdown

Path = tuple[int, ...]
_Container = Literal["message", "thought", "aside", "plain"]

_USER_NAMES = frozenset({"user", "human"})
_THOUGHT = re.compile(r"think|thought|reason", re.IGNORECASE)
_ELEMENTS_BETWEEN = "\n\n"


class RunTurn:
    """The last user message of one run and what was drawn after it.

    Attributes:
        has_input: The run has drawn its chat input.
        is_new: What follows the user's message is drawn by this run for the first time, not the chat's history: the
            message came after the chat input, or an element of the answer grew.
    """

    def __init__(self) -> None:
        self.has_input = False
        self.is_new = False
        self._user_path: Path | None = None
        self._user_texts: dict[Path, str | None] = {}
        self._containers: dict[Path, _Container] = {}
        self._bodies: dict[Path, str | None] = {}  # None: named by a hash that was never seen
        self._is_unterminated = False

    @property
    def has_answer(self) -> bool:
        """Whether a message follows the user's that isn't the user's."""
        return self._user_path is not None and "message" in self._containers.values()

    @property
    def is_unterminated(self) -> bool:
        """Whether Streamlit itself says that the last text it drew is not complete."""
        return self._is_unterminated

    @property
    def user_text(self) -> str:
        """The user's message as drawn."""
        return _ELEMENTS_BETWEEN.join(text or "" for _, text in sorted(self._user_texts.items()))

    def add_block(self, path: Path, block: ProtoMessage) -> None:
        """Note a container. One that replaces another of the same path keeps what is in it, as in the page."""
        self._bodies.pop(path, None)
        if Block.CHAT_MESSAGE in block:
            message = block.message(Block.CHAT_MESSAGE)
            names = {message.text(Block.CHAT_MESSAGE_NAME), message.text(Block.CHAT_MESSAGE_AVATAR)}
            if names & _USER_NAMES:
                self._begin(path)
            else:
                self._containers[path] = "message"
        elif Block.EXPANDABLE in block:
            self._containers[path] = _expandable(block.message(Block.EXPANDABLE))
        else:
            self._containers[path] = "plain"

    def add_markdown(self, path: Path, markdown: ProtoMessage) -> None:
        """Note an element's Markdown, which replaces what was at its path."""
        if markdown.number(Markdown.ELEMENT_TYPE) in {Markdown.CAPTION, Markdown.DIVIDER}:
            self.add_other(path)
            return
        self._add_body(path, markdown.text(Markdown.BODY))
        if self.is_in_answer(path):
            self._is_unterminated = markdown.flag(Markdown.UNTERMINATED_PARSING)
            self.is_new = self.is_new or self._is_unterminated

    def add_unknown(self, path: Path) -> None:
        """Note an element that the server named by a hash whose content was never seen."""
        self._add_body(path, None)

    def add_other(self, path: Path) -> None:
        """Note an element without text of the model, which replaces what was at its path."""
        for known in (self._containers, self._bodies):
            for inner in [p for p in known if p[: len(path)] == path]:
                del known[inner]

    def is_in_answer(self, path: Path) -> bool:
        """Whether ``path`` lies in a message after the user's."""
        return self._user_path is not None and "message" in self._around(path)

    def answer(self, tail: str) -> tuple[list[Part], list[Part]]:
        """Return the parts of Markdown and of reasoning, without ``tail`` at the end of any element.

        Raises:
            StreamFormatError: Part of it was named only by a hash.
        """
        texts: list[str] = []
        thoughts: list[str] = []
        for path, body in sorted(self._bodies.items()):
            around = self._around(path)
            if "message" not in around or "aside" in around:
                continue
            if body is None:
                raise StreamFormatError("the answer refers to a message of before this turn")
            (thoughts if "thought" in around else texts).append(body.removesuffix(tail))
        return build_parts(texts, _ELEMENTS_BETWEEN), build_parts(thoughts, _ELEMENTS_BETWEEN)

    def _begin(self, path: Path) -> None:
        self._user_path = path
        self._user_texts, self._containers, self._bodies = {}, {}, {}
        self._is_unterminated = False
        self.is_new = self.has_input

    def _add_body(self, path: Path, body: str | None) -> None:
        if self._user_path is not None and path[: len(self._user_path)] == self._user_path:
            self._user_texts[path] = body
            return
        if body is not None and self._bodies.get(path, body) != body and self.is_in_answer(path):
            self.is_new = True  # history is drawn once; what is drawn again at its place is being written
        self.add_other(path)
        self._bodies[path] = body

    def _around(self, path: Path) -> set[_Container]:
        prefixes = (path[:depth] for depth in range(1, len(path)))
        return {self._containers[prefix] for prefix in prefixes if prefix in self._containers}


def _expandable(expandable: ProtoMessage) -> _Container:
    # st.status is how agents show their steps; other expanders hold sources and the like.
    if Block.EXPANDABLE_STATE in expandable or _THOUGHT.search(expandable.text(Block.EXPANDABLE_LABEL)):
        return "thought"
    return "aside"
