"""Parses the sources that an answer cites, in the shapes that sites use, without duplicates. Pure."""

from __future__ import annotations

from automation.capture.decoders.framing.json_shape import as_dict, as_list, as_text
from automation.growing_text import GrowingText
from automation.turn import SourceFound

_URL_KEYS = ("url", "uri", "link", "href")
_TITLE_KEYS = ("title", "name")


class Sources:
    """Collects an answer's sources, each once: sites repeat their list with every chunk."""

    def __init__(self) -> None:
        self._urls: set[str] = set()

    def add(self, url: str, title: str = "") -> list[SourceFound]:
        """Return the source, unless it is known or no web address."""
        if url in self._urls or not url.startswith(("http://", "https://")):
            return []
        self._urls.add(url)
        return [SourceFound(url, title)]

    def find(self, value: object) -> list[SourceFound]:
        """Return the new sources in an address, an object with an address, or a list of these."""
        if isinstance(value, str | GrowingText):
            return self.add(str(value))
        source = as_dict(value)
        inner = source.get("url_citation") or source.get("source") or source.get("web")
        if isinstance(inner, dict):
            return self.find(inner)
        url = next((as_text(source[key]) for key in _URL_KEYS if as_text(source.get(key))), "")
        title = next((as_text(source[key]) for key in _TITLE_KEYS if as_text(source.get(key))), "")
        return [*self.add(url, title), *(found for one in as_list(value) for found in self.find(one))]
