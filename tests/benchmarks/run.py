"""Benchmarks: every figure beside its baseline of the same run. Prints tables, writes one JSON file.

python -m tests.benchmarks.run [--output bench-results.json] [--turns 30] [--quick] [--only NAME …]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

# Found only from the root on.
from automation.errors import BrowserUnavailableError  # noqa: E402
from tests.benchmarks import (  # noqa: E402
    beside_pages,
    capture_delay,
    completion_timing,
    detectors,
    fidelity,
    live_view,
    long_answer,
    prompt_entry,
    session_memory,
    turn_overhead,
    wire_cost,
    witness_cost,
)
from tests.benchmarks.rendering import renderers_problem  # noqa: E402
from tests.fakes.detectors import NoDetectors  # noqa: E402
from tests.fakes.editors import NoEditors  # noqa: E402

NAMES = (
    "turn_overhead",
    "capture_delay",
    "completion_timing",
    "prompt_entry",
    "fidelity",
    "live_view",
    "session_memory",
    "detectors",
    "wire_cost",
    "witness_cost",
    "long_answer",
    "beside_pages",
)


def main() -> int:
    """Run every benchmark and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "bench-results.json")
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--quick", action="store_true", help="small samples, to see that everything runs")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="these alone")
    arguments = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{platform.platform()}, {os.cpu_count()} cores, load average {load:.1f} at the start", flush=True)
    results: dict[str, Any] = {"load_average": load}
    for name in NAMES:
        if name in arguments.only:
            results[name] = BENCHMARKS[name](arguments)
    arguments.output.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(f"written to {arguments.output}")
    return 0


def run_turn_overhead(arguments: argparse.Namespace) -> object:
    """Measure and print what driving a page adds to a turn."""
    rows = asyncio.run(turn_overhead.measure(arguments.turns))
    print_turn_overhead(rows)
    return rows


def run_capture_delay(arguments: argparse.Namespace) -> object:
    """Measure and print how long a piece of an answer is under way."""
    data = capture_delay.as_data(asyncio.run(capture_delay.measure(seconds=2 if arguments.quick else 8)))
    print_capture_delay(data)
    return data


def run_completion_timing(arguments: argparse.Namespace) -> object:
    """Measure and print when answers are called complete."""
    rows = asyncio.run(completion_timing.measure(runs=20 if arguments.quick else 100))
    data = completion_timing.as_data(rows)
    print_completion_timing(data)
    return data


def run_prompt_entry(arguments: argparse.Namespace) -> object:
    """Measure and print how long prompts take to be entered."""
    sizes = prompt_entry.SIZES[:2] if arguments.quick else prompt_entry.SIZES
    try:
        rows = asyncio.run(prompt_entry.measure(sizes))
    except NoEditors as exc:
        print(f"\nPrompt entry: skipped, {exc}")
        return None
    print_prompt_entry(rows)
    return [asdict(row) for row in rows]


def run_fidelity(arguments: argparse.Namespace) -> object:
    """Measure and print how much of an answer survives the way over a page."""
    problem = renderers_problem()
    if problem:
        print(f"\nFidelity: skipped, {problem}")
        return None
    answers = fidelity.load_answers()
    chosen = dict(list(answers.items())[:5]) if arguments.quick else answers
    rows = asyncio.run(fidelity.measure(chosen))
    print_fidelity(rows)
    return rows


def run_live_view(arguments: argparse.Namespace) -> object:
    """Measure and print how soon a person sees the page, and what it costs."""
    seconds, clicks = (4.0, 10) if arguments.quick else (20.0, 30)
    figures = asyncio.run(live_view.measure(seconds, clicks))
    live_view.print_figures(figures)
    return asdict(figures)


def run_session_memory(arguments: argparse.Namespace) -> object:
    """Measure and print what sessions cost at rest."""
    problem = session_memory.problem()
    if problem:
        print(f"\nSession memory: skipped, {problem}")
        return None
    rows = asyncio.run(session_memory.measure((1, 2) if arguments.quick else session_memory.COUNTS))
    print_session_memory(rows)
    asleep = asyncio.run(session_memory.measure_sleep(1 if arguments.quick else 3))
    print_sleep(asleep)
    return {"at_rest": [asdict(row) for row in rows], "asleep": [asdict(row) for row in asleep]}


def run_detectors(_: argparse.Namespace) -> object:
    """Have every mode looked at by the detectors, and print the table."""
    try:
        rows = asyncio.run(detectors.measure())
    except (NoDetectors, BrowserUnavailableError) as exc:
        print(f"\nDetectors: skipped, {exc}")
        return None
    print_detectors(rows)
    return [asdict(row) for row in rows]


def run_wire_cost(arguments: argparse.Namespace) -> object:
    """Measure and print what a delta costs in a short answer and in a long one."""
    rounds, part = (1, 4) if arguments.quick else (3, 1)
    rows = wire_cost.measure(rounds, part)
    try:
        rows.append(asyncio.run(wire_cost.measure_page(rounds, part)))
    except BrowserUnavailableError as exc:
        print(f"\nWire cost on a page: skipped, {exc}")
    print_wire_cost(rows)
    return [{**asdict(row), "ratio": row.ratio} for row in rows]


def run_witness_cost(arguments: argparse.Namespace) -> object:
    """Measure and print what comparing the wire's answer with the page's adds to a turn's end."""
    figures = asyncio.run(witness_cost.measure(arguments.turns))
    print_witness_cost(figures)
    return {**asdict(figures), "added_ms": figures.added_ms}


def run_long_answer(arguments: argparse.Namespace) -> object:
    """Measure and print what a long answer takes on pages that render it anew at each token."""
    rows = asyncio.run(measure_long_answer(3000 if arguments.quick else long_answer.CHARACTERS))
    return [{**asdict(row), "ratio": row.ratio} for row in rows]


async def measure_long_answer(characters: int) -> list[long_answer.Row]:
    """Print seconds of the page alone and through the gateway, one line a page and route."""
    print(
        f"\nA long answer rendered anew at each token, seconds; the bar is {long_answer.BAR:g} times the page alone"
    )
    columns = ("characters", "page alone", "gateway", "ratio", "silence", "exact")
    print(f"{'page':28}{'read from':12}" + "".join(f"{column:>12}" for column in columns), flush=True)
    rows = []
    async for row in long_answer.measure(characters):
        rows.append(row)
        verdict = "" if row.ratio <= long_answer.BAR else "  over the bar"
        cells = f"{row.characters:>12}{row.alone_s:>12.1f}{row.through_s:>12.1f}{row.ratio:>12.2f}{row.silence_s:>12.1f}"
        print(f"{row.page:28}{row.route:12}{cells}{row.is_exact!s:>12}{verdict}  {row.error}", flush=True)
    return rows


def run_beside_pages(arguments: argparse.Namespace) -> object:
    """Measure and print what an API request takes while ten pages stream through the same gateway."""
    figures = asyncio.run(beside_pages.measure(rounds=1 if arguments.quick else 6))
    print_beside_pages(figures)
    return beside_pages.as_data(figures)


BENCHMARKS: dict[str, Callable[[argparse.Namespace], object]] = {
    "turn_overhead": run_turn_overhead,
    "capture_delay": run_capture_delay,
    "completion_timing": run_completion_timing,
    "prompt_entry": run_prompt_entry,
    "fidelity": run_fidelity,
    "live_view": run_live_view,
    "session_memory": run_session_memory,
    "detectors": run_detectors,
    "wire_cost": run_wire_cost,
    "witness_cost": run_witness_cost,
    "long_answer": run_long_answer,
    "beside_pages": run_beside_pages,
}


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


def print_prompt_entry(rows: list[prompt_entry.Row]) -> None:
    """Print seconds until a prompt stands in each editor, one line an editor and size."""
    print("\nPrompt entry, seconds until the editor holds exactly the prompt")
    drivers = list(rows[0].took)
    print(f"{'editor':20}{'characters':>12}" + "".join(f"{driver:>22}" for driver in drivers))
    for row in rows:
        cells = "".join(f"{row.took[driver]!s:>22}" for driver in drivers)
        print(f"{row.editor:20}{row.characters:>12}{cells}")


def print_fidelity(rows: list[dict[str, Any]]) -> None:
    """Print percentages and the lag in characters, one line a renderer and reader."""
    columns = ("commonmark", "textual", "realistic", "code_exact", "affected", "lag")
    print("\nFidelity over the page, % same once rendered; append-only: % affected, lag in characters")
    print(f"{'renderer':16}{'reader':20}" + "".join(f"{column:>12}" for column in columns))
    for row in rows:
        cells = "".join(f"{row.get(column, ''):>12}" for column in columns)
        print(f"{row['renderer']:16}{row['reader']:20}{cells}")


def print_session_memory(rows: list[session_memory.Row]) -> None:
    """Print megabytes and idle CPU, one line a mode and number of sessions."""
    print("\nSessions at rest on llama.cpp's page: PSS of the browsers, CPU of one core")
    columns = ("MB in all", "MB a session", "driver MB", "idle %", "idle % each")
    print(f"{'browsers':12}{'sessions':>10}" + "".join(f"{column:>14}" for column in columns))
    for row in rows:
        cells = (row.total_mb, row.mb_each, row.driver_mb, row.idle_percent, row.idle_percent / row.sessions)
        print(f"{row.mode:12}{row.sessions:>10}" + "".join(f"{cell:>14.1f}" for cell in cells))


def print_sleep(rows: list[session_memory.Asleep]) -> None:
    """Print what is kept of sessions that sleep, and how long they take to sleep and to wake."""
    print(
        "\nSessions asleep: what is kept, encrypted; seconds to fall asleep, and to wake with a page that takes a prompt"
    )
    print(f"{'browsers':12}{'MB kept':>10}{'sleep s':>10}{'wake s':>10}")
    for row in rows:
        print(f"{row.mode:12}{row.kept_mb:>10.2f}{row.sleep_s:>10.2f}{row.wake_s:>10.2f}")


def print_detectors(rows: list[detectors.Row]) -> None:
    """Print what each detector says, one line a mode."""
    print(
        "\nDetectors: BotD, fpscanner's flags (those beyond the undriven browser's named), our own mismatches"
    )
    print(f"{'mode':32}{'BotD':18}{'flags':>6}{'mismatches':>12}  beyond undriven")
    for row in rows:
        more = ", ".join(row.more_than_undriven) or "-"
        print(f"{row.mode:32}{row.bot or 'human':18}{len(row.flags):>6}{row.mismatches:>12}  {more}")


def print_wire_cost(rows: list[wire_cost.Row]) -> None:
    """Print milliseconds of CPU of both answers, one line a kind of stream."""
    print(
        f"\nA wire answer of N and of 8 N deltas: CPU of this process, ms; the bar is {wire_cost.BAR:g}"
        "\n(where each delta holds the whole text: times the CPU by 8 times the bytes)"
    )
    print(f"{'stream':34}{'N':>8}{'N deltas':>12}{'8 N':>12}{'ratio':>8}")
    for row in rows:
        verdict = "" if row.ratio <= wire_cost.BAR else "  over the bar"
        cells = f"{row.few:>8}{row.few_s * 1000:>12.0f}{row.many_s * 1000:>12.0f}{row.ratio:>8.1f}"
        print(f"{row.name:34}{cells}{verdict}")


def print_witness_cost(figures: witness_cost.Figures) -> None:
    """Print milliseconds with and without the comparison, p50 and p95."""
    print(f"\nLast byte to end of turn, ms p50 (p95); the bar is {witness_cost.BAR_MS:g} ms more at p50")
    for name, sample in (("page compared", figures.with_witness), ("not compared", figures.without)):
        print(f"{name:28}{statistics.median(sample):>10.1f} ({percentile(sample, 95):.1f})")
    verdict = "" if figures.added_ms <= witness_cost.BAR_MS else "  over the bar"
    print(f"{'added':28}{figures.added_ms:>10.1f}{verdict}")


def print_beside_pages(figures: beside_pages.Figures) -> None:
    """Print milliseconds of the floor and of the gateway, p50 and p99, one line for each load."""
    print(
        f"\nAPI requests beside streaming pages, ms p50 (p99); the bar is {beside_pages.BAR:g} times the floor's p99 beside them"
        f"\n(each page got {figures.written_a_second:g} pieces a second, its reader {figures.read_a_second:g})"
    )
    print(f"{'pages':>8}{'at once':>10}{'floor':>20}{'gateway':>20}{'p99 ratio':>12}")
    for row in figures.rows:
        told = (f"{sample.p50_ms:.2f} ({sample.p99_ms:.2f})" for sample in (row.floor, row.gateway))
        cells = "".join(f"{each:>20}" for each in told)
        verdict = "  over the bar" if row.pages and row.ratio > beside_pages.BAR else ""
        print(f"{row.pages:>8}{row.at_once:>10}{cells}{row.ratio:>12.2f}{verdict}")


def percentile(samples: list[float], percent: int) -> float:
    """Return the percentile of at least two samples, by interpolation."""
    return statistics.quantiles(samples, n=100)[percent - 1]


if __name__ == "__main__":
    sys.exit(main())
