"""A prompt is written, proven to stand in the field unchanged, and sent once."""

from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from automation.capture.send_effects import SendEffects
from automation.errors import (
    ChallengeRequiredError,
    PromptRejectedError,
    PromptTooLargeError,
    SendUnconfirmedError,
    SentState,
    SiteChangedError,
)
from automation.profiles.validation import parse_profile
from automation.timing import Timeouts
from automation.web_provider.composing import composer, sender
from automation.web_provider.composing.composer import Composer, PromptLeftTraces

LONG = "line\n" * 1000
TIMEOUTS = Timeouts(compose_s=20.0, send_confirm_s=0.01, first_token_s=0.02)


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
        self.is_keyed = False
        self.lines = None
        self.is_there = True
        self.covered_by_dialog = False
        self.can_send = True
        self.loses_clicks = 0
        self.landing = "control"
        self.shows_nothing = False
        self.check_around = False
        self.overwritten_by = []
        self.overwritten_at_click_by = []
        self.is_covered = False
        self.covers_late = False
        self.menus_late = 1
        self.menus = 0
        self.escape_closes = True
        self.escape_writes = None
        self.is_focusable = True
        self.files = []
        self.noted = 0
        self.makes_files_of = {}
        self.extras = False
        self.sent = []
        self.gestures = []
        self.told = []
        self.took = anyio.Event()
        self.asked = []
        self.expected = []
        self.effects = SendEffects()

    def enter(self, way, text):
        self.ways.append(way)
        if way in self.makes_files_of:
            self.files.append(way)
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
                return self._until(args[0])
            case "point":
                return {"clear": not self.is_covered}
            case "menus":
                return self.menus
            case "focusControl":
                return self.is_focusable
            case "noteBesides":
                self.noted = len(self.files)
                return True
            case "hasTraces":
                return len(self.files) > self.noted
            case "hasExtras":
                return self.extras and len(self.files) > self.noted
            case "sendFacts":
                return {"landing": self.landing, "effects": []}
            case "watchComposer" | "watchSend" | "refocus":
                return True
            case "tell":
                self.told.append(args[0])
                self._take()
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

    def _until(self, want):
        return not self.is_covered if "clear:send" in want else self.can_send

    def _holds(self):
        if self.overwritten_by:
            self.text = self.overwritten_by.pop(0)
        return self.is_there and self.entered is not None and self.text.rstrip("\n") == self.entered

    # -- as the browser's input events reach it

    async def insert(self, text, step):
        assert step == "composing"
        if self.lines is not None:
            self.text += text
        else:
            self.enter("insert", text)

    def types(self, text):
        return self.is_typing and len(text) <= 500

    async def type(self, text, step):
        assert step == "composing"
        self.enter("type", text)

    async def dismiss_dialogs(self):
        self.covered_by_dialog = False

    async def click(self, role, step):
        if self.is_covered:
            raise SiteChangedError(role, f"{step} (it is covered)")
        self._press(f"click {role}")

    async def click_if_there(self, role, step):
        if self.covers_late:
            self.is_covered, self.menus = True, self.menus_late
        if self.is_covered:
            return False
        self._press(f"click {role}")
        return True

    async def press(self, key, step):
        self._press(key)

    def _press(self, gesture):
        if gesture == "Shift+Enter" and self.is_keyed:
            self.lines = True
            self.text += "\n"
            return
        self.gestures.append(gesture)
        if gesture in {"Delete", "Backspace", "ControlOrMeta+a"}:
            self._clear(gesture)
            return
        if gesture == "Escape":
            self._escape()
            return
        self.landing = "control"
        if self.overwritten_at_click_by:
            self.text, self.landing = self.overwritten_at_click_by.pop(0), "blocked"
            return
        if self.loses_clicks:
            self.loses_clicks -= 1
            self.effects.look({"send": {"landing": "elsewhere", "effects": []}})
            return
        self.effects.look({"send": {"landing": "control", "effects": []}})
        self.sent.append(self.text)
        self.text = ""
        self._take()

    def _take(self):
        if not self.shows_nothing:
            self.effects.look({"asked": True})
            self.took.set()

    def _escape(self):
        if self.escape_writes is not None:
            self.text = self.escape_writes
        if self.escape_closes:
            self.menus, self.is_covered = 0, False

    def _clear(self, key):
        if key == "Delete":
            self.text = ""
        if key == "Backspace":
            self.is_formatted = False

    # -- as the capture sees it

    async def expect(self, prompt):
        self.expected.append(prompt)
        self.effects.begin()

    async def until_effect(self):
        await self.took.wait()

    async def shows_check_around(self):
        return self.check_around


def profile(**more):
    return parse_profile({"input": "textarea", "assistant_turn": ".bot", "send": ".send", **more})


def composer_of(page, timeouts=TIMEOUTS, **more):
    return Composer(page, page, profile(**more), timeouts)


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
        ("bare", {"input_entry": "shift_enter"}, "Hi", ["insert"]),
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


# -- what entering leaves ------------------------------------------------------------------------------------------------


async def test_an_editor_that_keeps_only_keyed_line_ends_gets_them_by_its_keys():
    page = Page("prosemirror")
    page.keeps = dict.fromkeys(
        ("insert", "pasteParagraphs", "pasteText", "pasteBreaks"), lambda text: text.replace("\n", " ")
    )
    page.is_keyed = True

    await composer_of(page).write("two\n\nlines")

    assert page.text == "two\n\nlines"
    assert page.ways[:4] == ["insert", "pasteParagraphs", "pasteText", "pasteBreaks"]


async def test_the_way_that_kept_line_ends_is_tried_first_for_the_next_short_prompt():
    page = Page("prosemirror")
    page.keeps = {"insert": lambda text: text.replace("\n", " ")}
    composer = composer_of(page)
    await composer.write("two\nlines")
    page.ways.clear()

    await composer.write("two\nothers")
    await composer.write("one line")

    assert page.ways == ["pasteParagraphs", "insert"]


async def test_keys_that_take_too_long_are_left_and_the_prompt_refused(monkeypatch):
    page = Page("prosemirror")
    page.is_keyed = True
    monkeypatch.setattr(composer, "_LINES_S", -1.0)

    with pytest.raises(PromptTooLargeError):
        await composer_of(page, input_entry="shift_enter").write(LONG)


async def test_a_way_that_leaves_a_file_is_not_followed_by_another_before_the_page_is_loaded_anew():
    page = Page("prosemirror")
    page.makes_files_of = page.keeps = {"pasteParagraphs": lambda _: ""}
    composer = composer_of(page)

    with pytest.raises(PromptLeftTraces):
        await composer.write("x" * 5000)
    page.files.clear()
    await composer.write("x" * 5000)

    assert page.ways == ["pasteParagraphs", "insert"]
    assert page.files == []


async def test_what_left_a_file_is_known_for_longer_texts_and_not_held_against_shorter_ones():
    page = Page("lexical")
    page.makes_files_of = page.keeps = {"pasteText": lambda _: ""}
    composer = composer_of(page)
    with pytest.raises(PromptLeftTraces):
        await composer.write("x" * 5000)
    page.ways, page.makes_files_of, page.keeps = [], {}, {}

    await composer.write("x" * 5001)
    await composer.write("x" * 4900)

    assert page.ways == ["insert", "pasteText"]


async def test_a_file_beside_the_kept_text_is_a_trace_as_well():
    page = Page("prosemirror")
    page.makes_files_of, page.extras = {"pasteParagraphs": True}, True

    with pytest.raises(PromptLeftTraces):
        await composer_of(page).write(LONG)


async def test_a_prompt_whose_every_way_leaves_something_is_refused():
    page = Page("quill")
    page.makes_files_of = page.keeps = {"pasteText": lambda _: "", "insert": lambda _: ""}
    composer = composer_of(page)

    for _ in range(2):
        with pytest.raises(PromptLeftTraces):
            await composer.write("x" * 5000)
        page.files.clear()
    with pytest.raises(PromptRejectedError) as caught:
        await composer.write("x" * 5000)

    assert type(caught.value) is PromptRejectedError


# -- sending -------------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(sender, "_FIRST_PROOF_S", 0.02)
    monkeypatch.setattr(sender, "_BETWEEN_ENTRIES_S", 0.0)


async def test_a_prompt_is_sent_by_the_button_once_it_is_enabled():
    page = Page()

    await write_and_send(page)

    assert page.sent == ["Hi"]
    assert page.gestures == ["click send"]
    assert "until" in [name for name, _, _ in page.asked]


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


async def test_a_click_that_another_element_heard_is_repeated_once():
    page = Page()
    page.loses_clicks = 1

    await write_and_send(page)

    assert page.sent == ["Hi"]
    assert page.gestures == ["click send"] * 2


async def test_a_control_that_no_click_reaches_was_sent_nothing():
    page = Page()
    page.loses_clicks = 99
    composer = composer_of(page)
    await composer.write("Hi")

    with pytest.raises(SiteChangedError, match="another element takes the click"):
        await composer.send(page)

    assert page.gestures == ["click send"] * 2
    assert not composer.may_have_sent


@pytest.mark.parametrize(("buttons", "gesture"), [(".send", "click send"), ([], "Enter")])
async def test_a_click_that_landed_is_never_repeated_and_without_any_effect_unconfirmed(buttons, gesture):
    page = Page()
    page.shows_nothing = True
    composer = composer_of(page, send=buttons)
    await composer.write("Hi")

    with pytest.raises(SendUnconfirmedError, match="neither the controls nor the field changed") as caught:
        await composer.send(page)

    assert (page.sent, page.gestures) == (["Hi"], [gesture])
    assert caught.value.sent is SentState.MAYBE
    assert composer.may_have_sent


async def test_an_effect_that_comes_late_is_waited_for():
    page = Page()
    page.shows_nothing = True
    slow: Any = composer_of(page, Timeouts(send_confirm_s=5.0, first_token_s=60.0))
    await slow.write("Hi")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slow.send, page)
        while not page.sent:
            await checkpoint()
        page.took.set()

    assert page.sent == ["Hi"]


async def test_a_check_around_the_chat_explains_a_click_without_effect():
    page = Page()
    page.shows_nothing = page.check_around = True

    with pytest.raises(ChallengeRequiredError):
        await write_and_send(page)


@pytest.mark.parametrize("times", [1, 3])
async def test_a_prompt_that_changed_between_entering_and_sending_is_entered_again(times):
    page = Page()
    page.overwritten_by = ["another tab's"] * times

    await write_and_send(page)

    assert page.sent == ["Hi"]


@pytest.mark.parametrize("times", [1, 3])
async def test_a_click_is_kept_from_the_page_while_another_text_stands_in_its_field(times):
    page = Page()
    page.overwritten_at_click_by = ["another tab's"] * times

    await write_and_send(page)

    assert page.sent == ["Hi"]
    assert page.gestures == ["click send"] * (times + 1)


@pytest.mark.parametrize("at", ["overwritten_by", "overwritten_at_click_by"])
async def test_a_prompt_that_the_page_keeps_changing_is_not_sent(at):
    page = Page()
    composer = composer_of(page)
    await composer.write("Hi")
    setattr(page, at, ["Hi!"] * 99)

    with pytest.raises(PromptRejectedError, match="changed this prompt after it was entered"):
        await composer.send(page)

    assert page.sent == []
    assert not composer.may_have_sent


async def test_what_leaves_the_page_is_compared_with_what_was_written():
    page = Page()

    await write_and_send(page, "a\r\nb")

    assert page.expected == ["a\nb"]


# -- menus that a prompt opens -------------------------------------------------------------------------------------------


def with_menu(page, **more):
    page.menus = 1
    for name, value in more.items():
        setattr(page, name, value)
    return page


async def test_a_menu_over_the_button_is_closed():
    page = with_menu(Page(), is_covered=True)

    await write_and_send(page, "/etc")

    assert (page.sent, page.gestures) == (["/etc"], ["Escape", "click send"])


async def test_a_menu_that_comes_over_the_button_in_the_last_moment_is_got_past_by_the_keyboard():
    page = Page()
    page.covers_late = True

    await write_and_send(page, "/etc")

    assert (page.sent, page.gestures) == (["/etc"], ["Enter"])


async def test_a_button_that_something_else_came_over_was_not_clicked():
    page = Page()
    page.covers_late, page.menus_late = True, 0
    composer = composer_of(page)
    await composer.write("Hi")

    with pytest.raises(SiteChangedError, match="covered"):
        await composer.send(page)

    assert not composer.may_have_sent


async def test_a_menu_beside_the_button_is_left_alone():
    page = with_menu(Page())

    await write_and_send(page, "/etc")

    assert page.gestures == ["click send"]


async def test_a_button_under_a_menu_that_stays_is_pressed_by_the_keyboard():
    page = with_menu(Page(), is_covered=True, escape_closes=False)

    await write_and_send(page, "/etc")

    assert (page.sent, page.gestures) == (["/etc"], ["Escape", "Enter"])


async def test_where_closing_a_menu_changes_the_prompt_it_is_entered_again_and_the_menu_left():
    page = with_menu(Page(), is_covered=True, escape_closes=False, escape_writes="")

    await write_and_send(page, "/etc")

    assert (page.sent, page.gestures) == (["/etc"], ["Escape", "Enter"])


async def test_enter_is_not_pressed_while_a_menu_takes_it():
    page = with_menu(Page())

    await write_and_send(page, "/etc", send=[])

    assert (page.sent, page.gestures) == (["/etc"], ["Escape", "Enter"])


async def test_a_menu_that_keeps_enter_for_itself_refuses_the_prompt():
    page = with_menu(Page(), escape_closes=False)

    with pytest.raises(PromptRejectedError, match="takes Enter"):
        await write_and_send(page, "/etc", send=[])

    assert (page.sent, page.gestures) == ([], ["Escape"])


# -- pages that take a prompt as a message ------------------------------------------------------------------------------

MESSAGE = {"type": "ask", "text": "{prompt}"}


async def test_a_prompt_is_handed_over_as_a_message_where_the_profile_says_so():
    page = Page()

    await write_and_send(page, "Hi", prompt_message=MESSAGE)

    assert page.told == [{"type": "ask", "text": "Hi"}]
    assert page.text == ""
    assert page.gestures == []


async def test_a_message_without_any_effect_is_unconfirmed_and_not_told_twice():
    page = Page()
    page.shows_nothing = True

    with pytest.raises(SendUnconfirmedError, match="the page's message"):
        await write_and_send(page, "Hi", prompt_message=MESSAGE)

    assert len(page.told) == 1


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
