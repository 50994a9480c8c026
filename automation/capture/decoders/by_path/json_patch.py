"""Server-sent edits of a JSON document, in which a profile's paths find the answer. Pure."""

from __future__ import annotations

from typing import Any

from automation.capture.decoders.by_path.json_fields import JsonFields
from automation.capture.decoders.by_path.json_sse import JsonSseDecoder
from automation.capture.decoders.by_path.patch_document import PatchDocument, edits_in
from automation.capture.decoders.protocol import WireEvent
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

    def take(self, value: Any, event: str = "") -> list[WireEvent]:
        edits = edits_in(value)
        for edit in edits:
            self._patched.apply(edit)
        return super().take(self._patched.documents[-1] if edits else value, event)

    def _texts(self, value: Any, event: str) -> list[WireEvent]:  # noqa: ARG002 - all documents count, not the last
        told = [self.text_in(document, event) for document in self._patched.documents]
        text, reasoning = (_DOCUMENTS_BETWEEN.join(filter(None, texts)) for texts in zip(*told, strict=True))
        return self.answer.become(text, reasoning)
