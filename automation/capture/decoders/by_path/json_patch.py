"""Decodes a JSON document that is edited by server-sent events, by a profile's paths. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from automation.capture.decoders.by_path.json_fields import JsonFields
from automation.capture.decoders.by_path.json_sse import JsonSseDecoder
from automation.capture.decoders.by_path.patch_document import PatchDocument, edits_in
from automation.capture.decoders.joined_answer import JoinedAnswer, Part
from automation.capture.decoders.protocol import WireEvent
from automation.growing_text import Text
from automation.profiles.wire_format import Wire

_DOCUMENTS_BETWEEN = "\n\n"


class JsonPatchDecoder(JsonSseDecoder):
    """Decodes one response. Messages that are no edits are read as they are: they may hold the error or the end."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire, _PatchedFields(wire))


class _PatchedFields(JsonFields):
    """Reads the documents that the edits have made so far."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self._patched = PatchDocument()
        self._closed: list[
            tuple[list[Text], list[Text]]
        ] = []  # what is in the documents that no edit changes any more
        self._closed_event = ""  # with which they were looked at: paths may name it
        self._joined = JoinedAnswer(self.answer)

    def take(self, value: Any, event: str = "") -> list[WireEvent]:
        edits = edits_in(value)
        for edit in edits:
            self._patched.apply(edit)
        return super().take(self._patched.documents[-1] if edits else value, event)

    def _texts(self, value: Any, event: str) -> list[WireEvent]:  # noqa: ARG002 - all documents count, not the last
        documents = self._patched.documents
        if event != self._closed_event:
            self._closed_event, self._closed = event, []
        while len(self._closed) < len(documents) - 1:
            self._closed.append(self.texts_in(documents[len(self._closed)], event))
        found = [*self._closed, self.texts_in(documents[-1], event)]
        texts, thoughts = (_parts(of_documents) for of_documents in zip(*found, strict=True))
        return self._joined.become(texts, thoughts)


def _parts(documents: Iterable[Sequence[Text]]) -> list[Part]:
    """Return the texts of all documents, each document's as one."""
    parts: list[Part] = []
    for texts in documents:
        before = _DOCUMENTS_BETWEEN if parts else ""
        for text in texts:
            if not text:
                continue
            parts.append((before, text))
            before = ""
    return parts
