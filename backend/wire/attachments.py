"""Parses files in a request: content parts with bytes, or with URLs to fetch them from. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from automation.turn import Attachment
from backend.errors import InvalidRequestError
from backend.wire.chat_request import ChatMessage, ContentPart, FileData
from backend.wire.file_types import image_types, safe_name, type_of_file

Kind = Literal["image", "file", "audio"]

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_AUDIO_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_MOST_URL_CHARACTERS = 8192


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Limits of one request's files: their number, and the bytes of each."""

    most_files: int = 10
    most_bytes: int = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that must be fetched.

    Attributes:
        url: As the client wrote it.
        field: Dotted name of the field that holds ``url``.
        number: Which of the request's files it is, from 1.
    """

    url: str
    part: str
    field: str
    number: int


FilePart = Attachment | RemoteFile


def is_file(part: ContentPart) -> bool:
    """Whether the part is a file and not text."""
    return part.type in {"image_url", "file", "input_audio"}


def parse_files(messages: Sequence[ChatMessage], limits: FileLimits) -> tuple[tuple[FilePart, ...], ...]:
    """Return each message's files, in their order.

    Raises:
        InvalidRequestError: A part is malformed, too large, of a kind that can't be had, or one too many.
    """
    number = 0
    found: list[tuple[FilePart, ...]] = []
    for i, message in enumerate(messages):
        files: list[FilePart] = []
        for j, part in enumerate(message.content if isinstance(message.content, list) else ()):
            if is_file(part):
                number += 1
                where = f"messages.{i}.content.{j}"
                if number > limits.most_files:
                    msg = f"A request may bring {limits.most_files} files."
                    raise InvalidRequestError(msg, where)
                files.append(_parse(part, where, number, limits))
        found.append(tuple(files))
    return tuple(found)


def checked_image(
    data: bytes, declared: str, name: str | None, part: str, number: int, field: str
) -> Attachment:
    """Return an image under a name that fits its type, which its own first bytes tell.

    Raises:
        InvalidRequestError: The bytes are no image.
    """
    return _attachment("image", data, declared, name, part, number, field)


def too_large(field: str, limits: FileLimits) -> InvalidRequestError:
    """Return the error for a file over the limit."""
    return InvalidRequestError(f"The file is larger than {limits.most_bytes} bytes.", field)


def _parse(part: ContentPart, where: str, number: int, limits: FileLimits) -> FilePart:
    if part.type == "image_url" and part.image_url is not None:
        field = f"{where}.image_url.url"
        url = part.image_url.url
        if url[:5].lower() != "data:":
            return _remote(url, where, field, number)
        data, declared = _decode_data_url(url, field, limits)
        return _attachment("image", data, declared, None, where, number, field)
    if part.type == "file" and part.file is not None:
        return _parse_file(part.file, where, number, limits)
    if part.type == "input_audio" and part.input_audio is not None:
        field = f"{where}.input_audio"
        declared = _AUDIO_TYPES.get(part.input_audio.format.lower(), "")
        if not declared:
            msg = f"format must be one of {', '.join(_AUDIO_TYPES)}."
            raise InvalidRequestError(msg, f"{field}.format")
        data = _decode_base64(part.input_audio.data, f"{field}.data", limits)
        return _attachment("audio", data, declared, None, where, number, field)
    msg = f"A part of type {part.type!r} needs the field {part.type}."
    raise InvalidRequestError(msg, where)


def _parse_file(file: FileData, where: str, number: int, limits: FileLimits) -> Attachment:
    if file.file_id is not None:
        msg = "file_id is not supported: this gateway keeps no files. Send file_data."
        raise InvalidRequestError(msg, f"{where}.file.file_id")
    field = f"{where}.file.file_data"
    if file.file_data is None:
        msg = "A part of type 'file' needs file_data."
        raise InvalidRequestError(msg, field)
    if file.file_data[:5].lower() == "data:":
        data, declared = _decode_data_url(file.file_data, field, limits)
    else:
        data, declared = _decode_base64(file.file_data, field, limits), ""
    return _attachment("file", data, declared, file.filename, where, number, field)


def _remote(url: str, where: str, field: str, number: int) -> RemoteFile:
    if not re.match(r"https?://", url, re.IGNORECASE) or len(url) > _MOST_URL_CHARACTERS:
        msg = "The URL must be a data: URL, or an http: or https: URL of up to 8192 characters."
        raise InvalidRequestError(msg, field)
    return RemoteFile(url, where, field, number)


def _decode_data_url(url: str, field: str, limits: FileLimits) -> tuple[bytes, str]:
    head = _DATA_URL.match(url, 0, 1024)
    if head is None or not head[2].lower().endswith(";base64"):
        msg = "The data: URL must have the form data:<media type>;base64,<data>."
        raise InvalidRequestError(msg, field)
    return _decode_base64(url[head.end() :], field, limits), head[1].strip().lower()


def _decode_base64(text: str, field: str, limits: FileLimits) -> bytes:
    if len(text) // 4 * 3 - 2 > limits.most_bytes:
        raise too_large(field, limits)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        msg = "The data is not valid base64."
        raise InvalidRequestError(msg, field) from exc
    if not data:
        msg = "The file is empty."
        raise InvalidRequestError(msg, field)
    if len(data) > limits.most_bytes:
        raise too_large(field, limits)
    return data


def _attachment(
    kind: Kind, data: bytes, declared: str, name: str | None, part: str, number: int, field: str
) -> Attachment:
    media_type = type_of_file(data, declared, name or "")
    if media_type is None or (kind == "image" and not media_type.startswith("image/")):
        msg = f"The file is not an image of a known type: {', '.join(image_types())}."
        raise InvalidRequestError(msg, field)
    return Attachment(safe_name(name or f"{kind}-{number}", media_type), media_type, data, part)
