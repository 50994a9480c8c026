"""A prompt is written, proven to stand in the field unchanged, and sent once."""

import anyio
import pytest
from anyio.lowlevel import checkpoint

from automation.errors import PromptRejectedError, PromptTooLargeError, SiteChangedError
from automation.profiles.validation import parse_profile
from automation.timing import Timeouts
from automation.web_provider import composer
from automation.web_provider.composer import Composer

LONG = "line\n" * 1000
TIMEOUTS = Timeouts(compose_s=20.0, send_confirm_s=0.02)


class Page:
    """A chat page's field and send button. What enters the field goes through ``keeps`` first, by its way."""

    def __init__(self, kind="textarea", maximum=None):
        self.kind = kind
        self.maximum = maximum
        self.text = ""
        self.entered = None
        self.is_formatted = False
        self.keeps = {}
        self.ways = []
        self.is_typing = False
        self.is_there = True
        self.covered_by_dialog = False
        self.can_send = True
        self.loses_clicks = 0
        self.clears_without_proof = False
        self.vanishes_when_sent = False
        self.sent = []
        self.gestures = []
        self.told = []
        self.took = anyio.Event()
        self.asked = []
        self.expected = None

    def enter(self, way, text):
        self.ways.append(way)
        self.text = self.keeps.get(way, lambda given: given)(text)

    # -- as the agent in the page sees it

    async def call(self, name, *args, timeout_s=5.0):
        self.asked.append((name, args, timeout_s))
        match name:
            case "focus":
                if not self.is_there or self.covered_by_dialog:
                    return None
                return {
                    "kind": self.kind,
                    "max": self.maximum,
                    "text": self.text,
                    "is_formatted": self.is_formatted,
                }
            case "keeps":
                return self._keeps(args[1])
            case "holds":
                return self._holds()
            case "until":
                return self.can_send
            case "tell":
                self.told.append(args[0])
                if not self.clears_without_proof:
                    self.took.set()
                return True
            case _:
                self.enter(name, args[1])
                return None

    def _keeps(self, text):
        found = self.text if self.is_there else None
        if found is not None and found.rstrip("\n") == text.rstrip("\n"):
            self.entered = text.rstrip("\n")
            return None
        return {"text": found}

    def _holds(self):
        return self.is_there and self.entered is not None and self.text.rstrip("\n") == self.entered

    # -- as the browser's input events reach it

    async def insert(self, text, step):
        assert step == "composing"
        self.enter("insert", text)

    def types(self, text):
        return self.is_typing and len(text) <= 500

    async def type(self, text, step):
        assert step == "composing"
        self.enter("type", text)

    async def dismiss_dialogs(self):
        self.covered_by_dialog = False

    async def click(self, role, step):
        self._press(f"click {role}")

    async def press(self, key, step):
        self._press(key)

    def _press(self, gesture):
        self.gestures.append(gesture)
        if gesture in {"Delete", "Backspace", "ControlOrMeta+a"}:
            self._clear(gesture)
            return
        if self.loses_clicks:
            self.loses_clicks -= 1
            return
        self.sent.append(self.text)
        self.text = ""
        self.is_there = not self.vanishes_when_sent
        if not self.clears_without_proof:
            self.took.set()

    def _clear(self, key):
        if key == "Delete":
            self.text = ""
        if key == "Backspace":
            self.is_formatted = False

    # -- as the capture sees it

    def expect(self, prompt):
        self.expected = prompt

    async def proof_of_send(self):
        await self.took.wait()


def profile(**more):
    return parse_profile({"input": "textarea", "assistant_turn": ".bot", "send": ".send", **more})


def composer_of(page, **more):
    return Composer(page, page, profile(**more), TIMEOUTS)


async def write_and_send(page, text="Hi", **more):
    composer = composer_of(page, **more)
    await composer.write(text)
    page.asked.clear()
    page.gestures.clear()
    await composer.send(page)


# -- writing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "more", "text", "ways"),
    [
        ("textarea", {}, "Hi", ["insert"]),
        ("textarea", {}, "two\nlines", ["insert"]),
        ("textarea", {}, "x" * 9999, ["assign"]),
        ("textarea", {}, LONG, ["assign"]),
        ("textarea", {"input_entry": "set_text"}, "Hi", ["insert"]),
        ("line", {}, "Hi", ["insert"]),
        ("prosemirror", {}, "Hi", ["insert"]),
        ("prosemirror", {}, LONG, ["pasteParagraphs"]),
        ("lexical", {}, LONG, ["pasteText"]),
        ("bare", {}, "two\nlines", ["setText"]),
        ("bare", {"input_entry": "set_text"}, "Hi", ["setText"]),
    ],
)
async def test_a_prompt_is_entered_the_way_its_size_and_its_field_want(kind, more, text, ways):
    page = Page(kind)

    await composer_of(page, **more).write(text)

    assert page.ways == ways
    assert page.text == text


async def test_entering_a_long_prompt_may_take_as_long_as_composing_may():
    page = Page()

    await composer_of(page).write(LONG)

    assert ("assign", ("input", LONG), 20.0) in page.asked


async def test_line_ends_of_other_systems_become_ours():
    page = Page()

    await composer_of(page).write("a\r\nb\rc\n")

    assert page.text == "a\nb\nc\n"


@pytest.mark.parametrize(
    ("kind", "text", "ways"),
    [
        ("textarea", "a\n\nb", ["insert", "assign"]),
        ("prosemirror", "a\n\nb", ["insert", "pasteParagraphs"]),
        ("prosemirror", LONG, ["pasteParagraphs", "pasteText"]),
    ],
)
async def test_when_the_page_changes_a_prompt_it_is_entered_another_way(kind, text, ways):
    page = Page(kind)
    page.keeps[ways[0]] = lambda given: given.replace("\n", "")

    await composer_of(page).write(text)

    assert page.ways == ways
    assert page.text == text


async def test_an_editor_is_emptied_of_an_earlier_draft_before_a_prompt_is_entered():
    page = Page("prosemirror")
    page.text = "a draft"

    await composer_of(page).write("Hi")

    assert page.gestures == ["Delete"]


async def test_formatting_that_outlives_its_text_is_cleared_by_more_keys():
    page = Page("prosemirror")
    page.text, page.is_formatted = "a draft", True

    await composer_of(page).write("Hi")

    assert page.gestures == ["Delete", "ControlOrMeta+a", "Delete", "Backspace"]
    assert not page.is_formatted


async def test_a_field_with_a_value_needs_no_clearing():
    page = Page("textarea")
    page.text = "a draft"

    await composer_of(page).write("x" * 9999)

    assert page.gestures == []


async def test_a_field_that_goes_away_while_it_is_written_to_and_stays_away_is_a_changed_page():
    page = Page()

    def vanish(given):
        page.is_there = False
        return given

    page.keeps["insert"] = vanish

    with pytest.raises(SiteChangedError) as caught:
        await composer_of(page).write("Hi")
    assert (caught.value.profile_key, caught.value.step) == ("input", "composing")


async def test_a_field_behind_a_dialog_is_written_to_once_the_dialog_is_closed():
    page = Page()
    page.covered_by_dialog = True

    await composer_of(page).write("Hi")

    assert page.text == "Hi"


async def test_a_prompt_that_the_page_keeps_changed_is_not_sent():
    page = Page()
    page.keeps = {"insert": str.upper, "assign": str.upper}

    with pytest.raises(PromptRejectedError, match="changes this prompt") as caught:
        await composer_of(page).write("hi\nthere")

    assert type(caught.value) is PromptRejectedError
    assert page.gestures == []


@pytest.mark.parametrize("kept", ["", "\n"])
async def test_a_field_that_keeps_nothing_rejects_the_prompt_and_is_not_called_too_small(kept):
    page = Page()
    page.keeps = {"insert": lambda _: kept, "assign": lambda _: kept}

    with pytest.raises(PromptRejectedError) as caught:
        await composer_of(page).write("hi")

    assert type(caught.value) is PromptRejectedError


@pytest.mark.parametrize("maximum", [None, 100])
async def test_a_field_that_keeps_only_the_beginning_is_too_small(maximum):
    page = Page(maximum=maximum)
    page.keeps = {"insert": lambda given: given[:8], "assign": lambda given: given[:8]}

    with pytest.raises(PromptTooLargeError) as caught:
        await composer_of(page).write("x" * 20)

    assert (caught.value.size_characters, caught.value.limit_characters) == (20, 8)


@pytest.mark.parametrize(("limits", "maximum", "limit"), [({}, 10, 10), ({"prompt_characters": 8}, 10, 8)])
async def test_a_prompt_over_the_pages_limit_is_not_even_entered(limits, maximum, limit):
    page = Page(maximum=maximum)
    write = composer_of(page, limits=limits).write
    await write("x" * limit)

    with pytest.raises(PromptTooLargeError) as caught:
        await write("x" * (limit + 1))

    assert (caught.value.size_characters, caught.value.limit_characters) == (limit + 1, limit)
    assert page.ways == ["insert"]


async def test_a_single_line_does_not_take_several():
    page = Page("line")

    with pytest.raises(PromptRejectedError, match="single line"):
        await composer_of(page).write("a\nb")

    assert page.ways == []


async def test_a_single_line_takes_several_as_one_where_the_profile_says_so():
    page = Page("line")

    await composer_of(page, single_line_input="flatten").write("  a \n\n b\nc")

    assert page.text == "a b c"


# -- sending -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def quick_proof(monkeypatch):
    monkeypatch.setattr(composer, "_FIRST_PROOF_S", 0.02)


async def test_a_prompt_is_sent_by_the_button_once_it_is_enabled():
    page = Page()

    await write_and_send(page)

    assert page.sent == ["Hi"]
    assert page.gestures == ["click send"]
    assert ("until", ({"send_enabled": True}, 20000), 22.0) in page.asked


async def test_without_a_button_a_prompt_is_sent_by_enter():
    page = Page()

    await write_and_send(page, send=[])

    assert page.sent == ["Hi"]
    assert page.gestures == ["Enter"]


async def test_a_button_that_stays_disabled_is_a_changed_page():
    page = Page()
    page.can_send = False

    with pytest.raises(SiteChangedError, match="no enabled send control"):
        await write_and_send(page)

    assert page.gestures == []


async def test_a_click_that_is_proven_to_have_done_nothing_is_repeated_once(quick_proof):
    page = Page()
    page.loses_clicks = 1

    await write_and_send(page)

    assert page.sent == ["Hi"]
    assert page.gestures == ["click send"] * 2


@pytest.mark.parametrize(("buttons", "key"), [(".send", "send"), ([], "input")])
async def test_a_page_that_takes_nothing_twice_is_a_changed_page(quick_proof, buttons, key):
    page = Page()
    page.loses_clicks = 99

    with pytest.raises(SiteChangedError, match="did not take the prompt") as caught:
        await write_and_send(page, send=buttons)

    assert caught.value.profile_key == key
    assert len(page.gestures) == 2


@pytest.mark.parametrize("is_there", [True, False])
async def test_nothing_is_sent_twice_when_the_field_was_emptied_though_no_proof_came(quick_proof, is_there):
    page = Page()
    page.clears_without_proof = True
    page.vanishes_when_sent = not is_there

    with pytest.raises(SiteChangedError):
        await write_and_send(page)

    assert page.sent == ["Hi"]


async def test_proof_that_comes_late_is_waited_for(quick_proof):
    page = Page()
    page.clears_without_proof = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write_and_send, page)
        while [asked[0] for asked in page.asked].count("holds") < 2:
            await checkpoint()
        page.took.set()

    assert page.sent == ["Hi"]


async def test_a_prompt_that_changed_between_entering_and_sending_is_not_sent():
    page = Page()
    composer = composer_of(page)
    await composer.write("Hi")
    page.text = "Hi!"

    with pytest.raises(PromptRejectedError, match="changed this prompt after it was entered"):
        await composer.send(page)

    assert page.sent == []


async def test_what_leaves_the_page_is_compared_with_what_was_written():
    page = Page()

    await write_and_send(page, "a\r\nb")

    assert page.expected == "a\nb"


# -- pages that take a prompt as a message ------------------------------------------------------------------------------

MESSAGE = {"type": "ask", "text": "{prompt}"}


async def test_a_prompt_is_handed_over_as_a_message_where_the_profile_says_so():
    page = Page()

    await write_and_send(page, "Hi", prompt_message=MESSAGE)

    assert page.told == [{"type": "ask", "text": "Hi"}]
    assert page.text == ""
    assert page.gestures == []


async def test_a_message_that_the_page_does_not_take_is_a_changed_page():
    page = Page()
    page.clears_without_proof = True

    with pytest.raises(SiteChangedError, match="did not take the prompt") as caught:
        await write_and_send(page, "Hi", prompt_message=MESSAGE)

    assert caught.value.profile_key == "prompt_message"


async def test_a_short_prompt_is_typed_where_that_is_wished():
    page = Page("prosemirror")
    page.is_typing = True

    await composer_of(page).write("hello")

    assert page.ways == ["type"]


async def test_a_long_prompt_is_never_typed():
    page = Page()
    page.is_typing = True

    await composer_of(page).write(LONG)

    assert page.ways == ["assign"]


async def test_what_typing_changes_is_entered_another_way():
    page = Page()
    page.is_typing = True
    page.keeps["type"] = lambda text: text + ")"

    await composer_of(page).write("f(x")

    assert page.ways == ["type", "insert"]
    assert page.entered == "f(x"
