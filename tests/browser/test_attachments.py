"""Files reach the site whole and with their prompt, whichever way the page takes them, or the turn is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from automation.browser.pool import BrowserPool
from automation.errors import AttachmentRejectedError, PromptTooLargeError, SiteChangedError, SiteError
from automation.turn import Attachment, Message, Prompt
from automation.web_provider.chat_site import ChatSite
from tests.fakes.chat_provider import PATIENCE, Reply, ask, open_provider, read
from tests.fakes.chat_site import FILE_WORDS, VARIANTS, FakeChatSite, SiteFile, profile_data

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PHOTO = Attachment("naïve photo.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300)
NOTE = Attachment("note.txt", "text/plain", "Grüße 🙂\n".encode() * 3)
PROGRAM = Attachment("setup.exe", "application/octet-stream", b"MZ")
WAYS = [name for name, v in VARIANTS.items() if v.flags.get("files")]


def with_files(text: str, *files: Attachment) -> Prompt:
    return Prompt((Message("user", text, files),))


async def send(provider: ChatSite, prompt: Prompt) -> Reply:
    async with provider.open_turn(prompt) as events:
        return await read(events)


def seen(file: Attachment, name: str = "") -> SiteFile:
    return SiteFile(name or file.name, file.media_type, file.data)


def rules(variant: str, **changes: object) -> dict[str, Any]:
    return {"attachments": {**profile_data(variant)["attachments"], **changes}}


@pytest.mark.parametrize("variant", WAYS)
async def test_files_arrive_whole_and_with_their_prompt_alone(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant) as provider:
        first = await send(provider, with_files("[[echo:two files]]", PHOTO, NOTE))
        second = await ask(provider, "[[echo:no file]]")
        third = await send(provider, with_files("[[echo:one file]]", NOTE))

    assert [reply.text for reply in (first, second, third)] == ["two files", "no file", "one file"]
    assert [request.files for request in site.requests] == [[seen(PHOTO), seen(NOTE)], [], [seen(NOTE)]]


async def test_files_of_one_name_get_names_of_their_own(browsers: BrowserPool, site: FakeChatSite):
    async with open_provider(browsers, site, "files") as provider:
        await send(provider, with_files("[[echo:ok]]", NOTE, NOTE, NOTE))

    assert [file.name for file in site.requests[0].files] == ["note.txt", "note-2.txt", "note-3.txt"]


async def test_a_file_of_many_pieces_arrives_whole(browsers: BrowserPool, site: FakeChatSite):
    big = Attachment("big.bin", "application/octet-stream", bytes(range(251)) * 40_000)

    async with open_provider(browsers, site, "files") as provider:
        await send(provider, with_files("[[echo:ok]]", big))

    assert site.requests[0].files == [seen(big)]


async def test_the_files_of_every_message_of_a_transcript_are_sent(browsers: BrowserPool, site: FakeChatSite):
    messages = (
        Message("user", "Look", (PHOTO,)),
        Message("assistant", "I see."),
        Message("user", "[[echo:and this]]", (NOTE,)),
    )

    async with open_provider(browsers, site, "files") as provider:
        await send(provider, Prompt(messages))

    assert site.requests[0].files == [seen(PHOTO), seen(NOTE)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"accept": ["image/*", "application/pdf"]},
            "this page takes image/*, application/pdf, not text/plain",
        ),
        ({"max_bytes": 10}, "it has 39 bytes; this page takes 10"),
        ({"max_files": 1}, "this page takes 1 files at a time"),
    ],
)
async def test_what_the_page_does_not_take_is_refused_before_anything_is_typed(
    changes: dict[str, Any], reason: str, browsers: BrowserPool, site: FakeChatSite
):
    small = Attachment("a.png", "image/png", b"1")
    note = Attachment(NOTE.name, NOTE.media_type, NOTE.data, "messages.0.content.2")

    async with open_provider(browsers, site, "files", **rules("files", **changes)) as provider:
        with pytest.raises(AttachmentRejectedError) as caught:
            await send(provider, with_files("Hello", small, note))

    assert str(caught.value) == f"The file 'note.txt' can't be sent: {reason}."
    assert caught.value.part == "messages.0.content.2"
    assert (site.requests, site.uploads) == ([], [])


async def test_a_page_without_attachments_refuses_every_file(browsers: BrowserPool, site: FakeChatSite):
    async with open_provider(browsers, site, "fetch-sse") as provider:
        with pytest.raises(AttachmentRejectedError, match="this endpoint's page takes no files"):
            await send(provider, with_files("Hello", NOTE))

    assert site.requests == []


async def test_the_sites_refusal_is_told_in_its_words_and_nothing_of_it_stays(
    browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "files") as provider:
        with pytest.raises(SiteError) as caught:
            await send(provider, with_files("[[echo:never]]", NOTE, PROGRAM))
        await ask(provider, "[[echo:clean]]")

    assert caught.value.site_message == FILE_WORDS
    assert [(request.prompt, request.files) for request in site.requests] == [("[[echo:clean]]", [])]


async def test_a_file_that_the_page_keeps_as_a_draft_is_taken_away_before_the_next_turn(
    browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "files-draft") as provider:
        with pytest.raises(SiteError):
            await send(provider, with_files("[[echo:never]]", NOTE, PHOTO, PROGRAM))
        await send(provider, with_files("[[echo:clean]]", PHOTO))

    assert [request.files for request in site.requests] == [[seen(PHOTO)]]


async def test_a_draft_that_can_not_be_taken_away_is_never_sent(browsers: BrowserPool, site: FakeChatSite):
    async with open_provider(browsers, site, "files-draft", **rules("files-draft", remove=[])) as provider:
        with pytest.raises(SiteError):
            await send(provider, with_files("[[echo:never]]", NOTE, PROGRAM))
        with pytest.raises(Exception, match="keeps a file of an earlier turn"):
            await ask(provider, "Hello")

    assert site.requests == []


@pytest.mark.parametrize(
    ("variant", "changes", "key"),
    [
        ("files", {"input": "input.gone"}, "attachments.input"),
        ("files-drop", {"drop_target": ".gone"}, "attachments.drop_target"),
        ("files-chooser", {"opener": "button.send"}, "attachments.opener"),
        ("files-chooser", {"opener": "button.new-chat"}, "attachments.opener"),
        ("files", {"uploaded": ".gone"}, "attachments.uploaded"),
    ],
)
async def test_a_page_that_differs_from_its_profile_is_told_by_its_key(
    variant: str, changes: dict[str, Any], key: str, browsers: BrowserPool, site: FakeChatSite
):
    hurried = replace(PATIENCE, upload_s=1.0)

    async with open_provider(
        browsers, site, variant, timeouts=hurried, **rules(variant, **changes)
    ) as provider:
        with pytest.raises(SiteChangedError) as caught:
            await send(provider, with_files("Hello", NOTE))

    assert caught.value.profile_key == key
    assert site.requests == []


# -- a prompt as a file --------------------------------------------------------------------------------------------------

LONG = "[[echo:read]]\n" + "A long line of a long prompt.\n" * 200


async def test_a_prompt_over_the_limit_goes_as_a_file_where_the_profile_says_so(
    browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "files-limited") as provider:
        first = await send(provider, with_files(LONG, PHOTO))
        second = await ask(provider, "[[echo:short]]")

    assert (first.finished.notes, second.finished.notes) == (("prompt-sent-as-file",), ())
    long, short = site.requests
    assert long.files == [seen(PHOTO), SiteFile("prompt.txt", "text/plain", LONG.encode())]
    assert "prompt.txt" in long.prompt
    assert (short.prompt, short.files) == ("[[echo:short]]", [])


async def test_a_known_limit_and_the_profiles_own_words_are_used(browsers: BrowserPool, site: FakeChatSite):
    limits = {"prompt_characters": 100, "over_limit": "file", "file_message": "[[echo:see file]]"}

    async with open_provider(browsers, site, "files", limits=limits) as provider:
        reply = await ask(provider, LONG)

    assert reply.text == "see file"
    assert (site.requests[0].prompt, site.requests[0].files[0].data) == ("[[echo:see file]]", LONG.encode())


@pytest.mark.parametrize("changes", [{"limits": {}}, rules("files-limited", max_files=1)])
async def test_else_a_prompt_over_the_limit_is_refused_with_the_limit(
    changes: dict[str, Any], browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "files-limited", **changes) as provider:
        with pytest.raises(PromptTooLargeError) as caught:
            await send(provider, with_files(LONG, NOTE))

    assert caught.value.limit_characters == 2000
    assert site.requests == []
