"""Images and files as OpenAI's own client sends them."""

from __future__ import annotations

import base64
from typing import Any

import openai
import pytest

from automation.errors import AttachmentRejectedError
from automation.turn import Attachment
from tests.contract.conftest import run_gateway
from tests.contract.test_real_pages import fields, real_gateway
from tests.fakes.chat_site import FakeChatSite, SiteFile
from tests.fakes.scripted_provider import plays

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
PDF = b"%PDF-1.7\n" + bytes(5000)
KIB = 1024


def data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


IMAGE = {"type": "image_url", "image_url": {"url": data_url("image/png", PNG), "detail": "low"}}
REPORT = {"type": "file", "file": {"filename": "report.pdf", "file_data": data_url("application/pdf", PDF)}}


def asking(*parts: dict[str, Any], text: str = "What is this?") -> list[Any]:
    return [{"role": "user", "content": [{"type": "text", "text": text}, *parts]}]


async def refusal_of(gateway, *parts: dict[str, Any]) -> openai.BadRequestError:
    with pytest.raises(openai.BadRequestError) as caught:
        await gateway.openai.chat.completions.create(model="demo", messages=asking(*parts))
    return caught.value


async def test_files_reach_the_provider_with_their_message(gateway):
    await gateway.started()

    await gateway.openai.chat.completions.create(model="demo", messages=asking(IMAGE, REPORT))

    [message] = gateway.site.prompts[0].messages
    assert message.text == "What is this?"
    assert message.attachments == (
        Attachment("image-1.png", "image/png", PNG),
        Attachment("report.pdf", "application/pdf", PDF),
    )


async def test_a_file_that_the_page_does_not_take_is_a_bad_request_that_names_its_part(gateway):
    gateway.site.script = plays(AttachmentRejectedError("report.pdf", "messages.0.content.2", "too odd"))
    await gateway.started()

    error = await refusal_of(gateway, IMAGE, REPORT)

    assert (error.code, error.param) == ("invalid_request", "messages.0.content.2")
    assert "The file 'report.pdf' can't be sent: too odd." in error.message


async def test_a_private_address_is_not_fetched_unless_allowed(gateway, tmp_path):
    await gateway.started()
    image = {"type": "image_url", "image_url": {"url": f"{gateway.url}/health"}}

    error = await refusal_of(gateway, image)
    async with run_gateway(tmp_path / "other", allow_private_urls=True) as open_minded:
        await open_minded.started()
        reached = await refusal_of(open_minded, image)

    assert (error.code, error.param) == ("invalid_request", "messages.0.content.1.image_url.url")
    assert "can't be reached at a public address" in error.message
    assert "not an image of a known type" in reached.message
    assert gateway.site.prompts == []


async def test_the_limits_are_settings(tmp_path):
    async with run_gateway(tmp_path, max_attachments=1, max_attachment_bytes=6 * KIB) as gateway:
        await gateway.started()

        too_many = await refusal_of(gateway, REPORT, IMAGE)
        too_large = await refusal_of(gateway, IMAGE)

    assert (too_many.param, too_large.param) == ("messages.0.content.2", "messages.0.content.1.image_url.url")


async def test_a_body_over_the_limit_is_refused_with_and_without_a_length(tmp_path):
    body = b'{"model": "demo", "messages": [{"role": "user", "content": "' + b"x" * 100 * KIB + b'"}]}'

    async def pieces():
        for start in range(0, len(body), KIB):
            yield body[start : start + KIB]

    async with run_gateway(tmp_path, max_request_bytes=64 * KIB) as gateway:
        await gateway.started()
        headers = {"content-type": "application/json"}
        told = await gateway.rest.post("/v1/chat/completions", content=body, headers=headers)
        counted = await gateway.rest.post("/v1/chat/completions", content=pieces(), headers=headers)
        fine = await gateway.ask("x" * 60 * KIB)

    for refused in (told, counted):
        assert (refused.status_code, refused.json()["error"]["code"]) == (413, "prompt_too_large")
        assert "MAX_REQUEST_BYTES" in refused.json()["error"]["message"]
    assert fine.status_code == 200


@pytest.mark.browser
async def test_an_image_reaches_a_real_page(tmp_path):
    async with FakeChatSite.open() as page, real_gateway(tmp_path) as gateway:
        await gateway.started(**fields(page, "files"))

        answered = await gateway.openai.chat.completions.create(
            model="demo", messages=asking(IMAGE, text="[[echo:a picture]]")
        )

    assert answered.choices[0].message.content == "a picture"
    assert page.requests[0].files == [SiteFile("image-1.png", "image/png", PNG)]
