"""Paints a profile's roles onto a screenshot: each in a frame of its colour with its name, other fields painted over. Pure."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

_COLOURS = ("#d40000", "#0057d4", "#00842b", "#9a00c7", "#c75a00", "#007f8c", "#a3005c", "#5c6b00")
_MASK = "#9aa0a6"
_WIDTH = 2
_LABEL_PX = 13
_PADDING = 2


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the page in CSS pixels, of an element that ``name`` matches."""

    name: str
    left: float
    top: float
    width: float
    height: float


def paint_roles(png: bytes, roles: Sequence[Box], masked: Iterable[Box], scale: float = 1.0) -> bytes:
    """Return the picture with the masks first and the outlines over them; ``scale`` is its pixels for one of CSS."""
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGB")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(_LABEL_PX)
    for box in masked:
        draw.rectangle(_find_corners(box, scale), fill=_MASK)
    names = list(dict.fromkeys(box.name for box in roles))
    taken: list[tuple[float, float, float, float]] = []
    for box in roles:
        colour = _COLOURS[names.index(box.name) % len(_COLOURS)]
        draw.rectangle(_find_corners(box, scale), outline=colour, width=_WIDTH)
        _write_label(draw, font, box, colour, scale=scale, taken=taken)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _write_label(
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    box: Box,
    colour: str,
    *,
    scale: float,
    taken: list[tuple[float, float, float, float]],
) -> None:
    """Write the role's name at the box's corner, moved down where another name stands already."""
    left, top, _, _ = _find_corners(box, scale)
    width, height = draw.textlength(box.name, font) + 2 * _PADDING, _LABEL_PX + 2 * _PADDING
    top = max(top - height, 0)
    while any(left < r and left + width > x and top < b and top + height > y for x, y, r, b in taken):
        top += height
    taken.append((left, top, left + width, top + height))
    draw.rectangle((left, top, left + width, top + height), fill=colour)
    draw.text((left + _PADDING, top + _PADDING / 2), box.name, fill="white", font=font)


def _find_corners(box: Box, scale: float) -> tuple[float, float, float, float]:
    left, top = max(box.left, 0) * scale, max(box.top, 0) * scale
    return left, top, max((box.left + box.width) * scale, left), max((box.top + box.height) * scale, top)
