"""What a page shows is waited for with a limit for the page and a longer one for its answer."""

from automation.page.waits import until_at_rest, until_shown
from tests.fakes.page_model import PageModel


async def test_a_page_is_given_ten_seconds_beyond_the_wait_to_answer():
    page = PageModel()

    assert await until_shown(page, {"input_ready": True}, 2000)
    assert page.limits == [("until", 12.0)]


async def test_a_page_is_at_rest_when_nothing_is_generated_and_its_field_is_ready():
    assert await until_at_rest(PageModel(), 3.0)
    assert not await until_at_rest(PageModel(stop=True), 3.0)
    assert not await until_at_rest(PageModel(input_ready=False), 3.0)
