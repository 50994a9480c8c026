"""Route for Prometheus metrics, collected from the gateway's parts at each scrape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import PlainTextResponse, Response

from backend.api.services import ServicesOf
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.metrics import BOUNDS_S, TurnCounts
from backend.gateway.cache.response_cache import ResponseCache

router = APIRouter(tags=["health"])

_PAGE_STATES = ("free", "kept", "opening", "settling", "in_use")


class _Snapshot(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(services: ServicesOf) -> Response:
    """Tell counts of turns, pages and browsers in Prometheus' text format."""
    endpoints = services.manager.list_all()
    facts = {endpoint.slug: await endpoint.page_facts() for endpoint in endpoints}
    registry = CollectorRegistry(auto_describe=False)
    registry.register(
        _Snapshot(
            [
                *_browser(services.browser_status()),
                *_pages(facts),
                *_turns(endpoints),
                *_cache(services.answers.cache),
            ]
        ),
    )
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _cache(cache: ResponseCache) -> list[Metric]:
    lookups = CounterMetricFamily(
        "parley_cache_lookups",
        "Looks for a kept answer (RESPONSE_CACHE_TTL), by what came of it.",
        labels=["result"],
    )
    for result, count in (("hit", cache.hits), ("miss", cache.misses)):
        lookups.add_metric([result], count)
    return [lookups]


def _browser(status: Mapping[str, Any]) -> list[Metric]:
    browsers = GaugeMetricFamily("parley_browsers", "Browser processes that run.")
    pages = GaugeMetricFamily(
        "parley_browser_pages", "Pages that are open or being opened, of all endpoints."
    )
    limit = GaugeMetricFamily("parley_browser_pages_limit", "The most pages that may be open (MAX_PAGES).")
    ends = CounterMetricFamily(
        "parley_browser_ends", "Browsers that were lost and replaced, by how.", labels=["cause"]
    )
    streaming = GaugeMetricFamily("parley_streaming", "Turns that run, of all endpoints.")
    queue = GaugeMetricFamily(
        "parley_streaming_waiting", "Turns that wait because as many run as may (MAX_STREAMING)."
    )
    told = (
        (browsers, "browsers"),
        (pages, "pages"),
        (limit, "max_pages"),
        (streaming, "streaming"),
        (queue, "waiting_to_stream"),
    )
    for family, key in told:
        if key in status:
            family.add_metric([], status[key])
    for cause, count in status.get("ended", {}).items():
        ends.add_metric([cause], count)
    popups = CounterMetricFamily(
        "parley_browser_popups_closed", "Windows that pages opened, and that were closed."
    )
    popups.add_metric([], status.get("popups_closed", 0))
    return [browsers, pages, limit, streaming, queue, ends, popups]


def _pages(facts: Mapping[str, Mapping[str, Any]]) -> list[Metric]:
    pages = GaugeMetricFamily(
        "parley_pages", "Pages of an endpoint by what they do.", labels=["endpoint", "state"]
    )
    waiting = GaugeMetricFamily("parley_turns_waiting", "Turns that wait for a page.", labels=["endpoint"])
    closed = CounterMetricFamily(
        "parley_pages_closed", "Pages that were closed, by why.", labels=["endpoint", "cause"]
    )
    for slug, fact in facts.items():
        for state in _PAGE_STATES:
            if state in fact.get("pages", {}):
                pages.add_metric([slug, state], fact["pages"][state])
        if "waiting" in fact:
            waiting.add_metric([slug], fact["waiting"])
        for cause, count in fact.get("pages_closed", {}).items():
            closed.add_metric([slug, cause], count)
    return [pages, waiting, closed]


def _turns(endpoints: Iterable[Endpoint]) -> list[Metric]:
    running = GaugeMetricFamily("parley_turns_running", "Turns that are being answered.", labels=["endpoint"])
    turns = CounterMetricFamily(
        "parley_turns",
        "Turns by outcome: finished, cancelled, or the error's name.",
        labels=["endpoint", "outcome"],
    )
    seconds = HistogramMetricFamily(
        "parley_turn_seconds", "How long finished turns took.", labels=["endpoint"]
    )
    for endpoint in endpoints:
        counts = endpoint.counts
        running.add_metric([endpoint.slug], endpoint.turns_running)
        outcomes = {"finished": counts.finished, "cancelled": counts.cancelled, **counts.failed}
        for outcome, count in outcomes.items():
            turns.add_metric([endpoint.slug, outcome], count)
        seconds.add_metric([endpoint.slug], _buckets(counts), counts.total_s)
    return [running, turns, seconds]


def _buckets(counts: TurnCounts) -> list[tuple[str, float]]:
    upto = zip(BOUNDS_S, accumulate(counts.within_bound), strict=True)
    return [*((str(bound), float(count)) for bound, count in upto), ("+Inf", float(counts.finished))]
