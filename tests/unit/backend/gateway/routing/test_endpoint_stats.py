from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from automation.errors import FirstTokenTimeout, RateLimitedError, SiteError
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.screenshots import ScreenshotFolder
from backend.endpoints.states import Move
from backend.errors import EndpointDisabledError, EndpointNotFoundError, InvalidRequestError
from backend.gateway.page_turns import PAGE_TRAITS
from backend.gateway.routing.breaker import BreakerLimits
from backend.gateway.routing.endpoint_stats import EndpointStatsRegistry
from backend.gateway.routing.ranking import RouteCandidate
from backend.provider_errors import ModelLimitedError
from backend.providers.api.opener import API_TRAITS
from backend.providers.config import EndpointConfig
from tests.fakes.scripted_provider import ScriptedSite


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def changes() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def endpoint_stats(clock, changes) -> EndpointStatsRegistry:
    return EndpointStatsRegistry(BreakerLimits(2, 60.0), lambda *change: changes.append(change), clock)


@pytest.fixture
def make(tmp_path):
    def make_endpoint(*moves: Move, **fields: object) -> Endpoint:
        values = {"slug": "a", "name": "a", "provider_type": "web_chat", "base_url": "http://x/", **fields}
        config = EndpointConfig.model_validate(values)
        traits = PAGE_TRAITS if config.provider_type == "web_chat" else API_TRAITS
        endpoint = Endpoint(config, datetime.now(UTC), ScreenshotFolder(tmp_path), traits)
        for move in moves:
            endpoint.board.move(move)
        return endpoint

    return make_endpoint


OPEN = (Move.START, Move.OPENED)


def fail(endpoint_stats: EndpointStatsRegistry, endpoint: Endpoint, error: BaseException) -> None:
    with pytest.raises(type(error)), endpoint_stats.attempt(endpoint):
        raise error


def answer(endpoint_stats: EndpointStatsRegistry, endpoint: Endpoint) -> None:
    with endpoint_stats.attempt(endpoint) as attempt:
        attempt.note_first_delta()


@pytest.mark.parametrize(
    ("moves", "is_usable"),
    [
        ((), False),
        ((Move.START,), False),
        (OPEN, True),
        ((*OPEN, Move.TURN_BEGAN), True),
        ((*OPEN, Move.SIGN_IN_NEEDED), False),
        ((*OPEN, Move.LIMITED), False),
        ((*OPEN, Move.FAILED), False),
    ],
)
def test_only_an_endpoint_that_can_answer_now_is_usable(endpoint_stats, make, moves, is_usable):
    assert endpoint_stats.of_all([make(*moves)])["a"].is_usable is is_usable


async def test_an_open_endpoint_in_error_may_still_be_tried(endpoint_stats, make):
    endpoint = make(Move.START)
    async with ScriptedSite().open(endpoint.config) as provider:
        endpoint.opened(provider, [])
        endpoint.board.move(Move.FAILED)

        assert endpoint_stats.of_all([endpoint])["a"].is_usable


def test_failures_in_a_row_disable_and_an_answer_ends_it(endpoint_stats, make, clock, changes):
    endpoint = make(*OPEN)

    fail(endpoint_stats, endpoint, SiteError("one"))
    fail(endpoint_stats, endpoint, SiteError("two"))
    assert endpoint_stats.of_all([endpoint])["a"].disabled_until == 160.0
    answer(endpoint_stats, endpoint)

    assert endpoint_stats.of_all([endpoint])["a"].disabled_until is None
    assert [change[:2] for change in changes] == [("a", "disabled"), ("a", "recovered")]
    assert "two" in changes[0][2]


def test_an_endpoints_own_limits_win(endpoint_stats, make):
    endpoint = make(*OPEN, disable_after_failures=1, disable_seconds=5)

    fail(endpoint_stats, endpoint, SiteError("one"))

    assert endpoint_stats.of_all([endpoint])["a"].disabled_until == 105.0


def test_a_limit_keeps_requests_away_without_being_a_failure(endpoint_stats, make, changes):
    endpoint = make(*OPEN)

    fail(endpoint_stats, endpoint, RateLimitedError("slow", 30))
    fail(endpoint_stats, endpoint, RateLimitedError("slow", 20))
    stats = endpoint_stats.of_all([endpoint])["a"]

    assert (stats.disabled_until, stats.success_share(100.0), changes) == (130.0, 1.0, [])


async def test_a_limit_of_one_model_leaves_the_endpoint_usable_for_its_others(endpoint_stats, make):
    endpoint = make(Move.START)
    async with ScriptedSite().open(endpoint.config) as provider:
        endpoint.opened(provider, ["big", "mini"])
        with pytest.raises(ModelLimitedError), endpoint_stats.attempt(endpoint):
            async with endpoint.turn(provider, "big"):
                raise ModelLimitedError("slow", 30)
        stats = endpoint_stats.of_all([endpoint])["a"]

        assert (stats.is_usable, stats.disabled_until) == (True, None)
        assert stats.limited_models["big"] == pytest.approx(30, abs=5)


async def test_an_endpoint_all_of_whose_models_rest_may_be_asked_for_one_that_it_does_not_list(
    endpoint_stats, make
):
    endpoint = make(Move.START)
    async with ScriptedSite().open(endpoint.config) as provider:
        endpoint.opened(provider, ["big"])
        with pytest.raises(ModelLimitedError):
            async with endpoint.turn(provider, "big"):
                raise ModelLimitedError("slow", 30)

        assert endpoint_stats.of_all([endpoint])["a"].is_usable


def test_the_clients_own_errors_leave_the_standing_alone(endpoint_stats, make):
    endpoint = make(*OPEN)

    for _ in range(5):
        fail(endpoint_stats, endpoint, InvalidRequestError("no"))
    stats = endpoint_stats.of_all([endpoint])["a"]

    assert (stats.disabled_until, stats.success_share(100.0)) == (None, 1.0)


@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit()])
def test_a_probe_that_is_cancelled_lets_another_probe(endpoint_stats, make, error):
    endpoint = make(*OPEN, disable_after_failures=1)
    fail(endpoint_stats, endpoint, SiteError("one"))

    fail(endpoint_stats, endpoint, error)

    assert not endpoint_stats.of_all([endpoint])["a"].is_probing
    assert endpoint_stats.of_all([endpoint])["a"].disabled_until is not None


def test_a_disabled_endpoint_is_probed_by_one_request_at_a_time(endpoint_stats, make):
    endpoint = make(*OPEN, disable_after_failures=1)
    fail(endpoint_stats, endpoint, SiteError("one"))

    with endpoint_stats.attempt(endpoint):
        during = endpoint_stats.of_all([endpoint])["a"].is_probing
        with endpoint_stats.attempt(endpoint):
            pass
        after_the_other = endpoint_stats.of_all([endpoint])["a"].is_probing

    assert (during, after_the_other) == (True, True)


def test_a_block_that_ends_before_the_answer_began_shows_nothing(endpoint_stats, make):
    endpoint = make(*OPEN, disable_after_failures=1)
    fail(endpoint_stats, endpoint, FirstTokenTimeout(1))

    with endpoint_stats.attempt(endpoint):
        pass

    stats = endpoint_stats.of_all([endpoint])["a"]
    assert (stats.disabled_until, stats.is_probing) == (160.0, False)


def test_the_first_delta_is_timed_once(endpoint_stats, make, clock):
    endpoint = make(*OPEN)

    with endpoint_stats.attempt(endpoint) as attempt:
        clock.now += 2.0
        attempt.note_first_delta()
        clock.now += 7.0
        attempt.note_first_delta()

    assert endpoint_stats.of_all([endpoint])["a"].first_delta_s == 2.0


def test_a_chat_page_costs_nothing_and_an_api_what_is_said(endpoint_stats, make):
    page, api = make(), make(slug="b", provider_type="rest_api")

    known = endpoint_stats.of_all([page, api])

    assert (known["a"].blended_price("m"), known["b"].blended_price("m")) == (0.0, float("inf"))


def test_when_nobody_can_be_asked_the_soonest_probe_is_told(endpoint_stats, make, clock):
    a, b = (make(*OPEN, slug=slug, disable_after_failures=1) for slug in "ab")
    fail(endpoint_stats, a, SiteError("one"))
    clock.now += 20
    fail(endpoint_stats, b, SiteError("one"))

    told = endpoint_stats.refusal(
        [RouteCandidate("gone"), RouteCandidate("b"), RouteCandidate("a")], {"a": a, "b": b}
    )

    assert isinstance(told, EndpointDisabledError)
    assert (told.slug, told.retry_after_s) == ("a", 40.0)


def test_when_all_were_deleted_the_first_is_told(endpoint_stats):
    told = endpoint_stats.refusal([RouteCandidate("gone"), RouteCandidate("lost")], {})

    assert isinstance(told, EndpointNotFoundError)
    assert told.slug == "gone"


def test_an_endpoint_that_was_stopped_begins_anew(endpoint_stats, make):
    endpoint = make(*OPEN, disable_after_failures=1)
    other = make(*OPEN, slug="b", disable_after_failures=1)
    for one in (endpoint, other):
        fail(endpoint_stats, one, SiteError("one"))

    endpoint.board.move(Move.STOP)
    endpoint_stats.on_state("a", endpoint.board.last_change)

    known = endpoint_stats.of_all([endpoint, other])
    assert (known["a"].disabled_until, known["b"].disabled_until) == (None, 160.0)
