"""What a page announces in a turn is heard in a real Chromium, also when it is gone before the next look."""

import pytest
import pytest_asyncio

from tests.fakes.agent_page import open_agent_page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PAGE = "<div class=error hidden>Old words</div><div role=alert>Welcome</div><div class=log></div><textarea></textarea>"
# Shows words in an element for so long; resolves when it is gone, and what watches the page had its turn.
SHOW = """([html, ms]) => new Promise((resolve) => {
  document.querySelector(".log").insertAdjacentHTML("beforeend", html);
  const shown = document.querySelector(".log").lastElementChild;
  setTimeout(() => { shown.remove(); setTimeout(resolve, 0); }, ms);
})"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown():
    async with open_agent_page() as page:
        yield page


async def heard_while(shown, html, ms, mode="watch", **profile):
    """Return what is said and what is noticed while the page shows this in a turn."""
    await shown.show(PAGE, {"error": ".error", **profile})
    await shown.call("beginTurn", mode)
    await shown.page.evaluate(SHOW, [html, ms])
    await shown.call("endTurn")
    said = [words for one in shown.heard for words in one.get("said", ())]
    return said, [words for one in shown.heard for words in one.get("noticed", ())]


@pytest.mark.parametrize("mode", ["watch", "read"])
@pytest.mark.parametrize(
    ("html", "heard"),
    [
        ("<p class=error>Too many requests</p>", (["Too many requests"], [])),
        ("<p role=alert>Out of credits</p>", ([], ["Out of credits"])),
        ("<p class='Toastify__toast'>Saved</p>", ([], ["Saved"])),
        ("<p class=error role=alert>Slow down</p>", (["Slow down"], [])),
        ("<p class=error hidden>Slow down</p>", ([], [])),
        ("<p role=alert>Welcome</p>", ([], [])),
        ("<p class=bot><span role=alert>Part of the answer</span></p>", ([], [])),
        ("<p>Other words</p>", ([], [])),
    ],
)
async def test_words_that_show_for_a_moment_are_heard_once(shown, mode, html, heard):
    assert await heard_while(shown, html, 60, mode) == heard


async def test_an_element_that_was_there_and_begins_to_show_is_heard(shown):
    await shown.show(PAGE, {"error": ".error"})
    await shown.call("beginTurn", "watch")
    await shown.run("document.querySelector('.error').hidden = false")
    await shown.call("setMode", "read")

    assert [one["said"] for one in shown.heard if one.get("said")] == [["Old words"]]


@pytest.mark.parametrize(
    ("control", "offers"),
    [
        ("<button>Retry</button>", True),
        ("<a href='#'>Try again</a>", True),
        ("<button aria-label='Retry'>↻</button>", True),
        ("<button hidden>Retry</button>", False),
        ("<button>Regenerate</button>", False),
        ("<p>Retry</p>", False),
    ],
)
async def test_a_control_that_offers_to_try_again_is_told_with_the_answer(shown, control, offers):
    await shown.show(PAGE, {})
    await shown.call("beginTurn", "read")
    await shown.run(f"document.querySelector('.log').innerHTML = `<div class=bot><p>Oops</p>{control}</div>`")

    assert (await shown.call("readTurn"))["retry"] is offers
