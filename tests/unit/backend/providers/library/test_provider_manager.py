"""A manager opens providers when they are needed, counts what they are asked, and cleans all of them up."""

from __future__ import annotations

import pytest

from automation.errors import SignInRequiredError, SiteError
from automation.library.interface import BaseProvider, ProviderContext, ProviderResponse, ProviderStatus
from backend.providers import ProviderManager


class Scripted(BaseProvider):
    """Answers with ``answer``, which may be an error, and notes what is done to it."""

    def __init__(self, name, answer=None, opening=None):
        super().__init__(name)
        self.answer = answer
        self.opening = opening
        self.log = []

    async def initialize(self, context):
        self.log.append(("open", context.auth_type))
        if self.opening is not None:
            raise self.opening

    async def send_message(self, message, **kwargs):
        self.log.append((message, kwargs))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def stream_message(self, message, **kwargs):
        return self._stream()

    async def _stream(self):
        try:
            yield "a"
            if isinstance(self.answer, Exception):
                raise self.answer
            yield "b"
        finally:
            self.log.append("stream closed")

    async def health_check(self):
        return not isinstance(self.answer, Exception)

    async def cleanup(self):
        self.log.append("clean")


def answer(provider="one"):
    return ProviderResponse("hi", success=True, provider=provider, usage={"total_tokens": 5})


async def test_a_provider_is_opened_once_with_its_first_question():
    provider = Scripted("one", answer())
    async with ProviderManager() as manager:
        await manager.add_provider(provider)
        untouched = list(provider.log)

        first = await manager.send_message("one", "Hello", model="m")
        await manager.send_message("one", "Again")

    assert untouched == []
    assert first.content == "hi"
    assert provider.log == [("open", "none"), ("Hello", {"model": "m"}), ("Again", {}), "clean"]


async def test_a_context_opens_at_once_and_a_new_one_anew():
    provider = Scripted("one", answer())
    manager = ProviderManager()
    await manager.add_provider(provider, ProviderContext("one", "token"))

    await manager.set_provider_context("one", ProviderContext("one", "cookies"))
    await manager.send_message("one", "Hello")

    assert provider.log == [("open", "token"), ("open", "cookies"), ("Hello", {})]


async def test_a_provider_that_the_program_opened_is_not_opened_again():
    provider = Scripted("one", answer())
    provider.status = ProviderStatus.ACTIVE
    manager = ProviderManager()
    await manager.add_provider(provider)

    await manager.send_message("one", "Hello")

    assert provider.log == [("Hello", {})]


@pytest.mark.parametrize(
    "provider",
    [Scripted("one", SiteError("overloaded")), Scripted("one", opening=SignInRequiredError("no key"))],
)
async def test_a_failure_is_a_response_without_success_and_is_counted(provider):
    manager = ProviderManager()
    await manager.add_provider(provider)

    response = await manager.send_message("one", "Hello")

    stats = await manager.get_provider_stats()
    assert (response.success, response.content) == (False, "")
    assert response.error
    assert (stats["one"]["requests"], stats["one"]["failures"]) == (1, 1)


async def test_what_was_asked_is_counted():
    times = iter([0.0, 2.0, 2.0, 6.0])
    manager = ProviderManager(clock=lambda: next(times))
    await manager.add_provider(Scripted("one", answer()))
    await manager.send_message("one", "Hello")
    await manager.send_message("one", "Hello")

    stats = await manager.get_provider_stats()

    assert stats["one"] == {
        "status": "inactive",
        "type": "api_based",
        "requests": 2,
        "failures": 0,
        "total_tokens": 10,
        "average_seconds": 3.0,
    }


async def test_a_stream_that_is_left_early_is_closed_and_one_that_breaks_is_told():
    whole, broken = Scripted("whole", answer()), Scripted("broken", SiteError("cut"))
    manager = ProviderManager()
    await manager.add_provider(whole)
    await manager.add_provider(broken)

    got = manager.stream_message("whole", "Hello")
    first = await anext(got)
    await got.aclose()  # type: ignore[attr-defined]
    with pytest.raises(SiteError):
        _ = [text async for text in manager.stream_message("broken", "Hello")]

    assert (first, whole.log[-1], broken.log[-1]) == ("a", "stream closed", "stream closed")


async def test_health_is_asked_of_all_and_what_cannot_be_opened_is_unhealthy():
    manager = ProviderManager()
    await manager.add_provider(Scripted("well", answer()))
    await manager.add_provider(Scripted("ill", SiteError("x")))
    await manager.add_provider(Scripted("shut", answer(), opening=SignInRequiredError("x")))

    health = await manager.health_check_all()

    assert health == {"well": True, "ill": False, "shut": False}


async def test_all_are_cleaned_up_also_when_one_fails_at_it():
    class Stuck(Scripted):
        async def cleanup(self):
            raise RuntimeError("stuck")

    first, stuck, last = Scripted("first"), Stuck("stuck"), Scripted("last")
    manager = ProviderManager()
    for provider in (first, stuck, last):
        await manager.add_provider(provider)

    with pytest.raises(RuntimeError, match="stuck"):
        await manager.cleanup()

    assert (first.log, last.log) == (["clean"], ["clean"])


async def test_names_are_known_once_or_not_at_all():
    manager = ProviderManager()
    provider = Scripted("one", answer())
    await manager.add_provider(provider)

    with pytest.raises(ValueError, match="already"):
        await manager.add_provider(Scripted("one"))
    with pytest.raises(KeyError, match="known: one"):
        await manager.send_message("two", "Hello")
    await manager.remove_provider("one")
    with pytest.raises(KeyError, match="known: none"):
        await manager.test_provider("one")
    assert provider.log == ["clean"]


async def test_a_provider_that_answers_with_something_else_is_told():
    manager = ProviderManager()
    await manager.add_provider(Scripted("one", "hi"))

    with pytest.raises(TypeError, match="no ProviderResponse"):
        await manager.send_message("one", "Hello")
