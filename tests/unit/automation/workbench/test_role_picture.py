from __future__ import annotations

import io

import pytest
from PIL import Image

from automation.workbench.role_picture import Box, paint_roles

WHITE, MASK, FIRST, SECOND = (255, 255, 255), (0x9A, 0xA0, 0xA6), (0xD4, 0, 0), (0, 0x57, 0xD4)


def picture(width=400, height=300):
    out = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(out, "PNG")
    return out.getvalue()


def opened(png):
    return Image.open(io.BytesIO(png)).convert("RGB")


def test_a_role_is_framed_in_its_colour_and_named_and_the_rest_left_as_it_was():
    painted = opened(paint_roles(picture(), [Box("input", 100, 100, 50, 40)], []))

    assert painted.getpixel((100, 120)) == FIRST
    assert painted.getpixel((125, 120)) == WHITE  # inside
    assert painted.getpixel((101, 90)) == FIRST  # the label above it
    assert painted.getpixel((300, 250)) == WHITE


def test_each_role_has_its_colour_and_labels_do_not_cover_each_other():
    boxes = [Box("user_turn", 100, 100, 50, 40), Box("assistant_turn", 100, 100, 50, 40)]

    painted = opened(paint_roles(picture(), boxes, []))

    assert painted.getpixel((101, 90)) == FIRST
    assert painted.getpixel((101, 107)) == SECOND


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_masked_fields_are_painted_over_at_any_scale(scale):
    painted = opened(paint_roles(picture(), [], [Box("", 50, 50, 20, 20)], scale))

    assert painted.getpixel((int(60 * scale), int(60 * scale))) == MASK
    assert painted.getpixel((int(80 * scale), int(60 * scale))) == WHITE


def test_what_lies_partly_outside_is_painted_where_it_can_be():
    painted = opened(paint_roles(picture(), [Box("input", -30, -30, 60, 60)], [Box("", -5, 290, 900, 90)]))

    assert painted.getpixel((29, 29)) == FIRST
    assert painted.getpixel((399, 299)) == MASK
