"""Checks that the page sent the prompt as it was entered, by the bodies of its own requests. Pure.

An editor may hold a prompt exactly and its page still change it on the way out: trim its lines, drop blank lines, escape
its Markdown. What a page sends besides (titles, drafts, statistics) may be such a copy too, so one exact copy is enough.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, urlsplit

from automation.capture.tap_events import RequestSent, ResponseBegan, SocketMessage, TapEvent
from automation.errors import PromptRejectedError

# A text of nearly the same length that shares this part of its pairs of letters is the prompt, changed.
_SAME_LENGTH = 0.7
_SAME_PAIRS = 0.8
# Of a few letters, too many other texts are made.
_ENOUGH_LETTERS = 8
_JSON_DEPTH = 8
_ERROR_STATUS = 400
_NOT_SIGNED_IN = 401


class SentPrompt:
    """Checks what leaves the page for the prompt, and for changed copies of it; and how the site took it.

    Attributes:
        refused_status: HTTP error status of the prompt's own request, None where it had none. A request that was sent on to
            a web page counts as 401: pages of a session that is over do that.
    """

    def __init__(self, prompt: str) -> None:
        # Pages trim both ends; what an answer depends on is in between.
        self._prompt = prompt.strip()
        self._letters = _letters(self._prompt)
        self._left_exact = False
        self._left_changed = False
        self._own_requests: set[str] = set()
        self.refused_status: int | None = None

    @property
    def has_left(self) -> bool:
        """Whether the page sent the prompt, exact or changed."""
        return self._left_exact or self._left_changed

    def see(self, event: TapEvent) -> None:
        """Search an event's texts for the prompt, and note how its request was answered."""
        if isinstance(event, ResponseBegan):
            self._note_status(event)
            return
        texts = tuple(_texts(event))
        if isinstance(event, RequestSent) and _is_among(texts, self._prompt):
            self._own_requests.add(event.request_id)
        if self._left_exact:
            return
        for text in texts:
            if self._prompt in text.replace("\r\n", "\n"):
                self._left_exact = True
                return
            self._left_changed = self._left_changed or self._is_changed_copy(text)

    def _note_status(self, response: ResponseBegan) -> None:
        if response.request_id not in self._own_requests:
            return
        status = _NOT_SIGNED_IN if response.is_other_page else response.status
        self.refused_status = status if status >= _ERROR_STATUS else None

    def check(self) -> None:
        """Fail if the page sent a changed prompt.

        Raises:
            PromptRejectedError: The page sent a changed copy, and no exact one.
        """
        if self._left_changed and not self._left_exact:
            msg = (
                "The page changed this prompt when it sent it (white space, line ends or Markdown). "
                "It was sent, and its answer was not used."
            )
            raise PromptRejectedError(msg)

    def _is_changed_copy(self, text: str) -> bool:
        letters = _letters(text)
        size = len(self._letters)
        if size < _ENOUGH_LETTERS or not size * _SAME_LENGTH <= len(letters) <= size / _SAME_LENGTH:
            return False
        shared = (_pairs(letters) & _pairs(self._letters)).total()
        return shared >= _SAME_PAIRS * max(size, len(letters))


def carries_prompt(event: TapEvent, prompt: str) -> bool:
    """Whether the page sent ``prompt`` in this event: as a text of its own, or inside one if it is no mere word."""
    return _is_among(_texts(event), prompt)


def _is_among(texts: Iterable[str], prompt: str) -> bool:
    for text in texts:
        sent = text.replace("\r\n", "\n").strip()
        if sent == prompt or (len(prompt) >= _ENOUGH_LETTERS and prompt in sent):
            return True
    return False


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def _pairs(letters: str) -> Counter[str]:
    return Counter(letters[i : i + 2] for i in range(len(letters)))


def _texts(event: TapEvent) -> Iterator[str]:
    """Yield every text that the page sent in this event."""
    if isinstance(event, RequestSent):
        for _, value in parse_qsl(urlsplit(event.url).query):
            yield from _leaves(value, _JSON_DEPTH)
        if event.body is not None:
            yield from _texts_of_body(event.body)
    elif isinstance(event, SocketMessage) and event.outgoing:
        payload = event.payload
        yield from _texts_of_body(payload if isinstance(payload, str) else payload.decode("utf-8", "replace"))


def _texts_of_body(body: str) -> Iterator[str]:
    # Engine.IO puts digits, and sometimes a name, before its JSON.
    found = re.match(r"\d*(?:/[^,\[{]*,\d*)?(?=[\[{])", body)
    if found is not None:
        try:
            yield from _leaves(json.loads(body[found.end() :]), _JSON_DEPTH)
        except ValueError:
            yield body
        return
    yield body
    for _, value in parse_qsl(body):
        yield from _leaves(value, _JSON_DEPTH)


def _leaves(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        if depth and value[:1] in {"{", "["}:
            try:
                yield from _leaves(json.loads(value), depth - 1)
            except ValueError:
                return
    elif isinstance(value, dict) and depth:
        for inner in value.values():
            yield from _leaves(inner, depth - 1)
    elif isinstance(value, list) and depth:
        for inner in value:
            yield from _leaves(inner, depth - 1)
