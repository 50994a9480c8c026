"""Images tell their type themselves, and names are made plain."""

import pytest

from backend.wire.file_types import safe_name, type_of_file

PNG = b"\x89PNG\r\n\x1a\n"
IMAGES = [
    (PNG, "image/png"),
    (b"\xff\xd8\xff\xe0", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    (b"BM\x10\0\0\0\0\0\0\0", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\0\x1cftypavif", "image/avif"),
    (b"\0\0\0\x18ftypheic", "image/heic"),
    (b"\0\0\1\0\1\0", "image/x-icon"),
    (b'<?xml version="1.0"?>\n<!-- a --><svg xmlns="x">', "image/svg+xml"),
]


@pytest.mark.parametrize(("data", "media_type"), IMAGES)
@pytest.mark.parametrize("declared", ["", "image/png", "IMAGE/JPEG; x=y", "application/octet-stream"])
def test_an_image_is_what_its_bytes_say(data, media_type, declared):
    assert type_of_file(data, declared) == media_type


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"<html><svg>", b"%PDF-1.7", b"BMW is a car", b"RIFF1234WAVE"]
)
def test_what_is_declared_as_an_image_and_is_none_has_no_type(data):
    assert type_of_file(data, "image/png") is None


@pytest.mark.parametrize(
    ("data", "declared", "name", "media_type"),
    [
        (b"x", "application/PDF; a=b", "", "application/pdf"),
        (b"%PDF-1.7", "", "", "application/pdf"),
        (b"x", "", "a.MD", "text/markdown"),
        (b"x = 1", "", "a.py", "text/plain"),
        (b"\xff\xfe", "", "a.py", "application/octet-stream"),
        (b"a\0b", "", "", "application/octet-stream"),
        (b"x", "not a type", "", "text/plain"),
        (PNG, "text/plain", "", "text/plain"),
    ],
)
def test_of_other_files_the_declared_type_counts_then_the_bytes_then_the_name(
    data, declared, name, media_type
):
    assert type_of_file(data, declared, name) == media_type


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("photo.png", "photo.png"),
        ("photo", "photo.png"),
        ("a.b c", "a.b c.png"),
        ("/etc/passwd", "passwd.png"),
        ("C:\\Users\\me\\x.png", "x.png"),
        ("..", "file.png"),
        ("", "file.png"),
        (".png", "png.png"),
        ("a\r\nb\0.png", "ab.png"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\ud800x.png", "x.png"),
        ('a"b<c>:d|e?.png', "a_b_c__d_e_.png"),
        ("  two   spaces .png", "two spaces.png"),
        ("e\u0301.png", "é.png"),
        ("日本語.png", "日本語.png"),
        ("x" * 500 + ".png", "x" * 116 + ".png"),
    ],
)
def test_a_name_is_made_plain(name, safe):
    assert safe_name(name, "image/png") == safe


def test_a_name_without_an_extension_stays_so_where_its_type_has_none():
    assert safe_name("data", "application/octet-stream") == "data"
