"""Detects a file's type from its bytes, and gives it a fitting name. Pure."""

from __future__ import annotations

import re
import unicodedata

_EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/x-icon": ".ico",
    "image/svg+xml": ".svg",
    "application/pdf": ".pdf",
    "application/json": ".json",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "text/html": ".html",
}
_TYPES = {extension: media_type for media_type, extension in _EXTENSIONS.items()} | {
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".htm": "text/html",
    ".log": "text/plain",
}
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\1\0", "image/x-icon"),
    (b"%PDF-", "application/pdf"),
)
_BRANDS = {b"avif": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic"}
_SVG = re.compile(rb"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg[\s>]", re.DOTALL)
_UNKNOWN = "application/octet-stream"
_MOST_NAME_CHARACTERS = 120
_MOST_EXTENSION_CHARACTERS = 12
_SNIFFED_BYTES = 2048


def image_types() -> list[str]:
    """Return the names of the image types that are recognised."""
    return [
        media_type.removeprefix("image/") for media_type in _EXTENSIONS if media_type.startswith("image/")
    ]


def type_of_file(data: bytes, declared: str, name: str = "") -> str | None:
    """Return the media type of a file, lower case and without parameters; None where it is no image but was said to be one.

    Images tell their type themselves; of anything else the declared type counts, then the name's extension.
    """
    declared = declared.partition(";")[0].strip().lower()
    found = sniff(data)
    is_said = declared not in {"", _UNKNOWN, "binary/octet-stream"}
    if declared.startswith("image/") or (found and not is_said):
        return found if found and (not declared.startswith("image/") or found.startswith("image/")) else None
    if is_said and re.fullmatch(r"[\w.+-]+/[\w.+-]+", declared, re.ASCII):
        return declared
    return _TYPES.get(_extension(name).lower()) or ("text/plain" if _is_text(data) else _UNKNOWN)


def sniff(data: bytes) -> str | None:
    """Return the type that the first bytes prove: of images and PDF; None for all else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:2] == b"BM" and data[6:10] == b"\0\0\0\0":
        return "image/bmp"
    if data[4:8] == b"ftyp" and data[8:12] in _BRANDS:
        return _BRANDS[data[8:12]]
    if _SVG.match(data[:_SNIFFED_BYTES]):
        return "image/svg+xml"
    return next((media_type for magic, media_type in _MAGIC if data.startswith(magic)), None)


def safe_name(name: str, media_type: str) -> str:
    """Return a plain file name: no path, no control characters, not overlong, with an extension."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if unicodedata.category(c)[0] != "C")
    name = re.sub(r'[<>:"|?*]', "_", " ".join(name.split())).strip(". ") or "file"
    extension = _extension(name)
    stem = name.removesuffix(extension)
    extension = extension or _EXTENSIONS.get(media_type, "")
    return stem[: _MOST_NAME_CHARACTERS - len(extension)].rstrip(". ") + extension


def _extension(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    is_one = bool(stem and dot and ending.isalnum() and len(ending) < _MOST_EXTENSION_CHARACTERS)
    return f".{ending}" if is_one else ""


def _is_text(data: bytes) -> bool:
    if b"\0" in data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
