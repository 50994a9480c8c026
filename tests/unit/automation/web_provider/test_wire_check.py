"""An answer that the page shows and its traffic did not tell is logged, once, and nothing else is."""

import pytest

from automation.web_provider.wire_check import WireCheck
from tests.fakes.page_model import PageModel, chat_config

TOLD = "The quick brown fox jumps over the lazy dog."
MORE = TOLD + " And then it tells a long story about it which nobody was told of by the wire at all."


@pytest.fixture
def page():
    page = PageModel(no_turns=False)
    page.answers["readTurn"] = {"markdown": MORE}
    return page


def differences(caplog):
    return [record for record in caplog.records if record.msg == "wire_and_page_differ"]


async def test_words_that_only_the_page_shows_are_logged_and_not_twice(page, caplog):
    check = WireCheck(page, chat_config(name="site"))
    check.expect(TOLD)

    await check.compare()
    await check.compare()

    (record,) = differences(caplog)
    assert (record.endpoint, record.profile) == ("demo", "site")


async def test_an_answer_that_agrees_is_not_logged(page, caplog):
    page.answers["readTurn"] = {"markdown": TOLD}
    check = WireCheck(page, chat_config())
    check.expect(TOLD)

    await check.compare()

    assert page.log == ["readTurn"]
    assert differences(caplog) == []


async def test_an_answer_that_was_read_from_the_page_is_not_compared(page, caplog):
    check = WireCheck(page, chat_config())
    check.expect(None)

    await check.compare()

    assert page.log == []


async def test_a_page_that_is_not_at_rest_is_not_compared(page, caplog):
    page.change(stop=True)
    check = WireCheck(page, chat_config())
    check.expect(TOLD)

    await check.compare()

    assert page.log == []
