"""Random chat pages through the gateway as it ships: every success is exact, every prompt is sent once, errors are few."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from backend.providers.registry import open_providers
from tests.contract.conftest import RunningGateway, run_gateway
from tests.sites.random_pages import RandomPages, plan_page
from tests.sites.random_pages.asking import Outcome, ask_pages
from tests.sites.random_pages.outcomes import MOST_ERRORS

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 5
FIXED_SEEDS = tuple(range(20))
SOAKED_SEEDS = tuple(range(1000, 1300))
_ERRORS = "random_pages/errors"


def split_seeds(seeds: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [seeds[start : start + AT_ONCE] for start in range(0, len(seeds), AT_ONCE)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages() -> AsyncIterator[RandomPages]:
    async with RandomPages.open() as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningGateway]:
    data_dir: Path = tmp_path_factory.mktemp("gateway")
    async with run_gateway(data_dir, providers=open_providers) as running:
        yield running


def report(outcomes: list[Outcome]) -> str:
    return "\n".join(f"{each.words}\n    page: {plan_page(each.seed).words}" for each in outcomes)


def find_wrong(outcomes: list[Outcome]) -> list[Outcome]:
    return [each for each in outcomes if each.verdict not in ("exact", "right error", "error")]


def find_errors(outcomes: list[Outcome]) -> list[Outcome]:
    return [each for each in outcomes if each.verdict in ("right error", "error")]


@pytest.mark.parametrize("seeds", split_seeds(FIXED_SEEDS), ids=str)
async def test_every_turn_of_these_pages_is_answered_exactly(
    seeds: tuple[int, ...], gateway: RunningGateway, pages: RandomPages
):
    outcomes = await ask_pages(gateway.rest, pages, list(seeds))

    inexact = [each for each in outcomes if each.verdict not in ("exact", "right error")]
    assert not inexact, report(inexact)


@pytest.mark.soak
@pytest.mark.parametrize("seeds", split_seeds(SOAKED_SEEDS), ids=str)
async def test_what_these_pages_answer_is_exact_or_an_error_of_the_right_reason(
    seeds: tuple[int, ...], gateway: RunningGateway, pages: RandomPages, request: pytest.FixtureRequest
):
    outcomes = await ask_pages(gateway.rest, pages, list(seeds))

    note_errors(request.config, seeds, report(find_errors(outcomes)), len(find_errors(outcomes)))
    assert not find_wrong(outcomes), report(find_wrong(outcomes))


@pytest.mark.soak
async def test_few_of_all_turns_end_in_an_error(request: pytest.FixtureRequest):
    noted = read_errors(request.config)
    turns = 3 * AT_ONCE * len(noted)

    assert turns, "the pages before have to be asked first"
    found = sum(int(one["count"]) for one in noted.values())
    assert found <= MOST_ERRORS * turns, "\n".join(str(one["words"]) for one in noted.values())


def read_errors(config: pytest.Config) -> dict[str, dict[str, str | int]]:
    """What was noted so far, also by a run that was interrupted."""
    assert config.cache is not None
    noted: dict[str, dict[str, str | int]] = config.cache.get(_ERRORS, {})
    return noted


def note_errors(config: pytest.Config, seeds: tuple[int, ...], words: str, count: int) -> None:
    assert config.cache is not None
    noted = {} if seeds[0] == SOAKED_SEEDS[0] else read_errors(config)
    config.cache.set(_ERRORS, {**noted, str(seeds[0]): {"count": count, "words": words}})
