"""Which files go, under which names, and what happens when a page does something else with them than it should."""

import base64

import pytest

from automation.errors import AttachmentRejectedError, PageLostError, SiteChangedError, SiteError
from automation.profiles.validation import parse_profile
from automation.timing import Timeouts
from automation.turn import Attachment, Message, Prompt
from automation.web_provider.composing.attachments import Attachments, check_files, new_files, under_own_names

NOTE = Attachment("note.txt", "text/plain", b"note")
PHOTO = Attachment("photo.png", "image/png", b"photo")
RULES = {"input": "input[type=file]", "uploaded": ".chip"}


def profile(**rules):
    return parse_profile(
        {"input": "textarea", "assistant_turn": ".bot", "attachments": {**RULES, **rules} if rules else RULES}
    )


class Page:
    """A page's agent and hands, of files alone: takes ``at_once`` of them at a time."""

    def __init__(self, *, at_once=9, leftovers=0, removable=True, ends=()):
        self.at_once = at_once
        self.chips: list[tuple[str, str, bytes]] = [("left over", "text/plain", b"")] * leftovers
        self.removable = removable
        self.ends = list(ends)
        self.held: list[tuple[str, str, bytes]] = []
        self.clicks = []
        self.waited_for = []

    def is_closed(self):
        return False

    async def call(self, name, *args, timeout_s=5.0):
        match name:
            case "uploads":
                return {"uploaded": len(self.chips), "uploading": False, "failed": None}
            case "dropHeld":
                self.held.clear()
            case "holdFile":
                self.held.append((*args, b""))
            case "holdBytes":
                file, media_type, data = self.held.pop()
                self.held.append((file, media_type, data + base64.b64decode(args[0])))
            case "giveFiles":
                assert len(self.held) == args[1]
                given, self.held = self.held[: self.at_once], self.held[self.at_once :]
                self.chips += given
                return len(given)
            case "uploadEnd":
                self.waited_for.append(args[0])
                end = {"uploaded": len(self.chips), "uploading": False, "failed": None, "ready": True}
                return {**end, **(self.ends.pop(0) if self.ends else {})}
        return None

    async def click(self, role, step):
        self.clicks.append(role)

    async def click_if_there(self, role, step):
        self.clicks.append(role)
        if self.removable and self.chips:
            self.chips.pop()
        return self.removable


def attachments(page, **rules):
    return Attachments(page, page, page, profile(**rules), Timeouts(upload_s=7))


async def test_files_are_given_at_once_and_nothing_stays_held():
    page = Page()

    await attachments(page).upload([PHOTO, NOTE])

    assert page.chips == [("photo.png", "image/png", b"photo"), ("note.txt", "text/plain", b"note")]
    assert (page.held, page.waited_for, page.clicks) == ([], [2], [])


async def test_a_page_that_takes_one_at_a_time_gets_one_after_the_other_each_after_its_opener():
    page = Page(at_once=1)

    await attachments(page, opener=".plus").upload([PHOTO, NOTE, NOTE])

    assert [name for name, *_ in page.chips] == ["photo.png", "note.txt", "note-2.txt"]
    assert page.waited_for == [1, 2, 3]
    assert page.clicks == ["attachments.opener"] * 3


async def test_what_is_left_over_is_taken_away_before_anything_else():
    page = Page(leftovers=3)

    await attachments(page).upload([])

    assert page.chips == []


@pytest.mark.parametrize("page", [Page(leftovers=1, removable=False), Page(leftovers=30)])
async def test_what_can_not_be_taken_away_costs_the_page(page):
    with pytest.raises(PageLostError, match="keeps a file of an earlier turn"):
        await attachments(page).upload([])


@pytest.mark.parametrize(
    ("end", "error", "words"),
    [
        ({"ready": False, "failed": "Too big!"}, SiteError, "The site reported: Too big!"),
        ({"ready": False, "uploading": True}, SiteError, "still being uploaded after 7 s"),
        ({"ready": False, "uploaded": 0}, SiteChangedError, "'attachments.uploaded'"),
    ],
)
async def test_an_upload_that_does_not_end_well_ends_the_turn(end, error, words):
    page = Page(ends=[end])

    with pytest.raises(error, match=words):
        await attachments(page).upload([NOTE])

    assert page.held == []


@pytest.mark.parametrize(
    ("rules", "key"),
    [
        ({}, "attachments.input"),
        ({"method": "drop", "drop_target": "main"}, "attachments.drop_target"),
        ({"method": "paste"}, "input"),
    ],
)
async def test_a_page_without_a_place_for_files_is_told_by_its_key(rules, key):
    with pytest.raises(SiteChangedError) as caught:
        await attachments(Page(at_once=0), **rules).upload([NOTE])

    assert caught.value.profile_key == key


def test_types_are_matched_by_globs_without_regard_to_case():
    rules = profile(accept=["Image/*", "text/plain"]).attachments

    check_files([PHOTO, NOTE], rules)

    with pytest.raises(AttachmentRejectedError, match="not application/pdf"):
        check_files([PHOTO, Attachment("a.pdf", "application/pdf", b"")], rules)


def test_the_files_of_messages_that_stand_in_the_chat_already_are_not_new():
    messages = (Message("user", "1", (PHOTO,)), Message("assistant", "2"), Message("user", "3", (NOTE,)))

    assert new_files(Prompt(messages, said=2)) == [NOTE]
    assert new_files(Prompt(messages)) == [PHOTO, NOTE]


def test_names_differ_also_on_pages_that_ignore_case():
    files = [Attachment(name, "text/plain", b"") for name in ("a.txt", "A.txt", "a-2.txt", "a.txt", "b")]

    assert [file.name for file in under_own_names(files)] == ["a.txt", "A-2.txt", "a-2-2.txt", "a-3.txt", "b"]
