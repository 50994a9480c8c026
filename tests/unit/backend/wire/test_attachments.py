"""Files of a request are read strictly; what is wrong with one is told with its field."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from automation.turn import Attachment
from backend.errors import InvalidRequestError
from backend.wire.attachments import FileLimits, FilePart, RemoteFile, parse_files
from backend.wire.chat_request import ChatRequest

PNG = b"\x89PNG\r\n\x1a\n rest"
LIMITS = FileLimits(most_files=3, most_bytes=100)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def file(**fields: Any) -> dict[str, Any]:
    return {"type": "file", "file": fields}


def audio(data: str, form: str) -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": data, "format": form}}


def parsed(*parts: dict[str, Any]) -> tuple[FilePart, ...]:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": list(parts)}]
    request = ChatRequest.model_validate({"model": "m", "messages": messages})
    none, files = parse_files(request.messages, LIMITS)
    assert none == ()
    return files


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (image(f"data:image/png;base64,{b64(PNG)}"), Attachment("image-1.png", "image/png", PNG)),
        (image(f"DATA:image/jpeg;x=y;BASE64,{b64(PNG)}"), Attachment("image-1.png", "image/png", PNG)),
        (image(f"data:;base64,{b64(PNG)}"), Attachment("image-1.png", "image/png", PNG)),
        (
            file(file_data=f"data:application/pdf;base64,{b64(b'%PDF-1')}", filename="a b.pdf"),
            Attachment("a b.pdf", "application/pdf", b"%PDF-1"),
        ),
        (file(file_data=b64(b"a,b"), filename="t.csv"), Attachment("t.csv", "text/csv", b"a,b")),
        (file(file_data=b64(b"hello")), Attachment("file-1.txt", "text/plain", b"hello")),
        (
            file(file_data=b64(b"\0\1"), filename="../../etc/pass\nwd\u202e"),
            Attachment("passwd", "application/octet-stream", b"\0\1"),
        ),
        (audio(b64(b"RIFF"), "wav"), Attachment("audio-1.wav", "audio/wav", b"RIFF")),
        (audio(b64(b"ID3"), "mp3"), Attachment("audio-1.mp3", "audio/mpeg", b"ID3")),
    ],
)
def test_a_part_becomes_a_file(part, expected):
    assert parsed(part) == (expected,)


def test_files_keep_their_order_and_know_their_part():
    url = "https://example.org/a.png"

    files = parsed(image(url), {"type": "text", "text": "and"}, image(f"data:image/png;base64,{b64(PNG)}"))

    remote = RemoteFile(url, "messages.1.content.0", "messages.1.content.0.image_url.url", 1)
    assert files == (remote, Attachment("image-2.png", "image/png", PNG))
    assert files[1].part == "messages.1.content.2"


@pytest.mark.parametrize(
    ("part", "field", "words"),
    [
        (image("data:image/png,abc"), "image_url.url", "base64"),
        (image("data:image/png;base64"), "image_url.url", "base64"),
        (image("data:image/png;base64,"), "image_url.url", "empty"),
        (image("data:image/png;base64,QUJ"), "image_url.url", "not valid base64"),
        (image("data:image/png;base64,QU JD"), "image_url.url", "not valid base64"),
        (image("data:image/png;base64,QUJ*"), "image_url.url", "not valid base64"),
        (image("data:image/png;base64,é"), "image_url.url", "not valid base64"),
        (image(f"data:image/png;base64,{b64(b'<html>')}"), "image_url.url", "not an image of a known type"),
        (image(f"data:text/plain;base64,{b64(b'hello')}"), "image_url.url", "not an image of a known type"),
        (image(f"data:image/png;base64,{b64(PNG + bytes(100))}"), "image_url.url", "larger than 100 bytes"),
        (image(f"data:image/png;base64,{b64(PNG + bytes(88))}"), "image_url.url", "larger than 100 bytes"),
        (image("ftp://example.org/a.png"), "image_url.url", "must be a data: URL"),
        (image("file:///etc/passwd"), "image_url.url", "must be a data: URL"),
        (image(""), "image_url.url", "must be a data: URL"),
        (image("https://example.org/" + "a" * 9000), "image_url.url", "must be a data: URL"),
        (file(file_id="file-1"), "file.file_id", "keeps no files"),
        (file(filename="a.txt"), "file.file_data", "needs file_data"),
        (file(file_data=f"data:image/png;base64,{b64(b'no')}"), "file.file_data", "not an image"),
        (audio(b64(b"x"), "flac"), "input_audio.format", "wav, mp3"),
        (audio("?", "wav"), "input_audio.data", "not valid base64"),
    ],
)
def test_what_can_not_be_had_is_refused_by_its_field(part, field, words):
    with pytest.raises(InvalidRequestError, match=words) as caught:
        parsed(part)

    assert caught.value.param == f"messages.1.content.0.{field}"


@pytest.mark.parametrize("kind", ["image_url", "file", "input_audio"])
def test_a_part_without_its_field_is_refused(kind):
    with pytest.raises(InvalidRequestError, match=f"needs the field {kind}") as caught:
        parsed({"type": kind})

    assert caught.value.param == "messages.1.content.0"


def test_one_file_too_many_is_refused():
    with pytest.raises(InvalidRequestError, match="may bring 3 files") as caught:
        parsed(*[image("https://example.org/a.png")] * 4)

    assert caught.value.param == "messages.1.content.3"
