"""Benchmarks: every figure beside its baseline of the same run. Prints tables, writes one JSON file.

python -m tests.benchmarks.run [--output bench-results.json] [--turns 30] [--quick]
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

from tests.benchmarks import capture_delay, completion_timing, turn_overhead  # noqa: E402 - found only from the root on


def main() -> int:
    """Run every benchmark and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "bench-results.json")
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--quick", action="store_true", help="small samples, to see that everything runs")
    arguments = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{platform.platform()}, {os.cpu_count()} cores, load average {load:.1f} at the start", flush=True)
    results: dict[str, Any] = {
        "load_average": load,
        "turn_overhead": asyncio.run(turn_overhead.measure(arguments.turns)),
    }
    print_turn_overhead(results["turn_overhead"])
    delays = asyncio.run(capture_delay.measure(seconds=2 if arguments.quick else 8))
    results["capture_delay"] = capture_delay.as_data(delays)
    print_capture_delay(results["capture_delay"])
    endings = asyncio.run(completion_timing.measure(runs=20 if arguments.quick else 100))
    results["completion_timing"] = completion_timing.as_data(endings)
    print_completion_timing(results["completion_timing"])
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


def print_capture_delay(data: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print milliseconds from the server's write to our delta, one line a route."""
    counts = list(next(iter(data.values())))
    print("\nCapture delay, ms p50 (p95), 50 pieces a second and page; answers that were not exact")
    print(f"{'route':28}" + "".join(f"{n + ' pages':>22}" for n in counts))
    for route, by_pages in data.items():
        cells = (
            f"{row['p50_ms']:.0f} ({row['p95_ms']:.0f}); {row['wrong']:.0f}" for row in by_pages.values()
        )
        print(f"{route:28}" + "".join(f"{cell:>22}" for cell in cells))


def print_completion_timing(data: dict[str, dict[str, Any]]) -> None:
    """Print how many answers were cut, and milliseconds after the true end, one line a kind of page."""
    print("\nEnd of an answer with pauses of 0.5 to 8 s: cut answers, and ms late p50 (p95)")
    columns = ("runs", "cut", "failed", "late", "quiet for 1 s", "quiet for 3 s")
    print(f"{'page':32}" + "".join(f"{column:>16}" for column in columns))
    for kind, row in data.items():
        late = f"{row['late_p50_ms']:.0f} ({row['late_p95_ms']:.0f})"
        cells = (row["runs"], row["cut"], row["failed"], late, *row["quiet_wrong"].values())
        print(f"{kind:32}" + "".join(f"{cell!s:>16}" for cell in cells))


def percentile(samples: list[float], percent: int) -> float:
    """Return the percentile of at least two samples, by interpolation."""
    return statistics.quantiles(samples, n=100)[percent - 1]


if __name__ == "__main__":
    sys.exit(main())
