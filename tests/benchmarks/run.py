"""Benchmarks: every figure beside its baseline of the same run. Prints tables, writes one JSON file.

python -m tests.benchmarks.run [--output bench-results.json] [--turns 30]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks import turn_overhead  # noqa: E402 - found only from the root on


def main() -> int:
    """Run every benchmark and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "bench-results.json")
    parser.add_argument("--turns", type=int, default=30)
    arguments = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{platform.platform()}, {os.cpu_count()} cores, load average {load:.1f} at the start", flush=True)
    results: dict[str, Any] = {
        "load_average": load,
        "turn_overhead": asyncio.run(turn_overhead.measure(arguments.turns)),
    }
    print_turn_overhead(results["turn_overhead"])
    arguments.output.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(f"written to {arguments.output}")
    return 0


def print_turn_overhead(rows: dict[str, dict[str, list[float]]]) -> None:
    """Print milliseconds, p50 and p95, one line a driver."""
    measures = list(turn_overhead.MEASURES)
    print(f"\nTurn overhead, ms p50 (p95)\n{'driver':28}" + "".join(f"{m:>34}" for m in measures))
    for driver, samples in rows.items():
        cells = (f"{statistics.median(samples[m]):.0f} ({percentile(samples[m], 95):.0f})" for m in measures)
        print(f"{driver:28}" + "".join(f"{cell:>34}" for cell in cells))


def percentile(samples: list[float], percent: int) -> float:
    """Return the percentile of at least two samples, by interpolation."""
    return statistics.quantiles(samples, n=100)[percent - 1]


if __name__ == "__main__":
    sys.exit(main())
