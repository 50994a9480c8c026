import base64
import io
from types import SimpleNamespace
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
import segno
from PIL import Image, UnidentifiedImageError

from automation.owned_tasks import owned_tasks
from automation.sign_in import qr_code
from automation.sign_in.followed_pages import FollowedPage
from automation.sign_in.qr_code import find_qr_code


def page_with(*codes: tuple[str, int, tuple[int, int]], background: str = "white") -> bytes:
    """Return a picture of a page that shows these codes: payload, size of a module, place."""
    page = Image.new("RGB", (1000, 700), background)
    for payload, scale, place in codes:
        out = io.BytesIO()
        segno.make(payload, error="m").save(out, kind="png", scale=scale, border=4)
        page.paste(Image.open(out).convert("RGB"), place)
    return png_of(page)


def png_of(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


async def test_a_code_is_cut_out_so_that_it_can_be_read_again():
    found = await find_qr_code(page_with(("https://example.com/scan/äöü", 4, (300, 200)), background="#ccc"))

    assert found is not None
    assert found.payload == "https://example.com/scan/äöü"
    again = await find_qr_code(found.png)
    assert again is not None
    assert again.payload == found.payload
    assert Image.open(io.BytesIO(found.png)).width < 250


async def test_of_several_codes_the_largest_is_meant():
    found = await find_qr_code(page_with(("small", 3, (20, 20)), ("large", 7, (400, 200))))

    assert found is not None
    assert found.payload == "large"


async def test_a_code_at_the_very_edge_is_cut_at_the_edge():
    code = io.BytesIO()
    segno.make("edge").save(code, kind="png", scale=6, border=1)

    found = await find_qr_code(code.getvalue())

    assert found is not None
    assert found.payload == "edge"


async def test_a_page_without_a_code_has_none():
    assert await find_qr_code(page_with()) is None


async def test_what_is_no_picture_is_an_error():
    with pytest.raises(UnidentifiedImageError):
        await find_qr_code(b"<html>")


async def test_a_code_is_not_shown_in_logs():
    found = await find_qr_code(page_with(("secret-payload", 4, (300, 200))))

    assert "secret-payload" not in repr(found)


class Screen:
    """A page's channel that takes one picture after the other, and tells when it was looked at."""

    def __init__(self, *pictures: bytes) -> None:
        self._pictures = list(pictures)
        self.is_over = anyio.Event()

    async def send(self, _method: str, _params: object, _timeout_s: float) -> dict[str, Any]:
        if not self._pictures:
            self.is_over.set()
            await anyio.sleep_forever()
        return {"data": base64.b64encode(self._pictures.pop(0)).decode()}


async def test_a_code_is_followed_though_every_look_takes_longer_than_the_time_between_two(monkeypatch):
    monkeypatch.setattr(qr_code, "_LOOK_EVERY_S", 0.0)
    screen = Screen(page_with(("first", 5, (20, 20))), page_with(("second", 5, (20, 20))), page_with())
    told: list[str | None] = []
    always_painted = qr_code._Signal()

    async with owned_tasks() as tasks:
        front = cast("FollowedPage", SimpleNamespace(channel=screen))
        tasks.start_soon(
            qr_code._follow, front, always_painted, lambda found: told.append(found and found.payload)
        )
        with anyio.fail_after(200):
            while not screen.is_over.is_set():
                always_painted.take(f"after {len(told)}")
                await anyio.lowlevel.checkpoint()

    assert told == ["first", "second", None]
