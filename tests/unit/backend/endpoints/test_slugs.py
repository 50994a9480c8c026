from __future__ import annotations

import pytest

from backend.endpoints.slugs import build_slug


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("DeepSeek Web Chat", "deepseek-web-chat"),
        ("  Café №5! ", "cafe-no5"),
        ("a--b", "a-b"),
        ("GPT", "gpt"),
    ],
)
def test_a_slug_is_the_name_in_lower_case_letters_digits_and_hyphens(name, slug):
    assert build_slug(name) == slug


@pytest.mark.parametrize("name", ["", "???", "聊天", "Endpoints"])
def test_a_name_without_a_slug_or_with_a_reserved_one_is_refused(name):
    with pytest.raises(ValueError):
        build_slug(name)
