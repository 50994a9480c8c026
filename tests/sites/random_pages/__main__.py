"""Runs seeds against this checkout's gateway, or only serves the pages to look at.

python -m tests.sites.random_pages [--serve] [--at-once 5] SEED|FIRST-LAST …
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import anyio

from backend.providers.registry import open_providers
from tests.contract.conftest import run_gateway
from tests.sites.random_pages import RandomPages, build_profile, plan_page
from tests.sites.random_pages.asking import ask_pages


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="+")
    parser.add_argument("--serve", action="store_true", help="serve the pages until interrupted")
    parser.add_argument("--at-once", type=int, default=5)
    arguments = parser.parse_args()
    seeds = [seed for words in arguments.seeds for seed in _read_seeds(words)]
    anyio.run(_serve if arguments.serve else _run, seeds, arguments.at_once)


def _read_seeds(words: str) -> range:
    first, _, last = words.partition("-")
    return range(int(first), int(last or first) + 1)


async def _serve(seeds: list[int], _: int) -> None:
    async with RandomPages.open() as site:
        for seed in seeds:
            print(
                f"{site.url}/{seed}/  {plan_page(seed).words}\n  {build_profile(plan_page(seed))}", flush=True
            )
        await anyio.sleep_forever()


async def _run(seeds: list[int], at_once: int) -> None:
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as data_dir:
        async with (
            RandomPages.open() as site,
            run_gateway(Path(data_dir), providers=open_providers) as gateway,
        ):
            for start in range(0, len(seeds), at_once):
                outcomes = await ask_pages(gateway.rest, site, seeds[start : start + at_once])
                counts.update(outcome.verdict for outcome in outcomes)
                print(f"{seeds[start : start + at_once]}: {dict(counts)}", flush=True)
                for outcome in outcomes:
                    if outcome.verdict != "exact":
                        print(outcome.words, f"\n    page: {plan_page(outcome.seed).words}", flush=True)


if __name__ == "__main__":
    main()
