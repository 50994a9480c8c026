"""A small chat site of our own, nasty on purpose: each page does one thing that real chat pages do."""

from tests.fakes.chat_site.answers import ERROR_WORDS, FILE_WORDS, LIMIT_WORDS, MARKDOWN, Answer, answer_to
from tests.fakes.chat_site.pages import WRONG_PASSWORD_WORDS
from tests.fakes.chat_site.profiles import profile_data
from tests.fakes.chat_site.site import FakeChatSite, SiteFile, SiteRequest
from tests.fakes.chat_site.variants import NOT_CHAT_PAGES, VARIANTS

__all__ = [
    "ERROR_WORDS",
    "FILE_WORDS",
    "LIMIT_WORDS",
    "MARKDOWN",
    "NOT_CHAT_PAGES",
    "VARIANTS",
    "WRONG_PASSWORD_WORDS",
    "Answer",
    "FakeChatSite",
    "SiteFile",
    "SiteRequest",
    "answer_to",
    "profile_data",
]
