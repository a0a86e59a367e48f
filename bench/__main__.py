"""``python -m bench``: run the rows, print the table, write the results."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
from contextlib import closing
from datetime import date
from pathlib import Path

from bench import memory, plot, table, worldwide
from bench.results import Result
from bench.rounds import run_row
from bench.rows import rows
from bench.servers import Park
from bench.tools import install

RESULTS = Path(__file__).parent / "results"
OTHERS = ("worldwide", "memory")


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """What was asked for."""
    names = [row.name for row in rows(1, 1)]
    parser = argparse.ArgumentParser(prog="python -m bench", description="edgesim beside nginx and Varnish.")
    parser.add_argument("--rounds", type=int, help="rounds of A B A B (default 3; 1 with --quick, 7 with --full)")
    parser.add_argument("--only", action="append", choices=[*names, *OTHERS], help="only this row (can be repeated)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="one short round, to see that it runs")
    length.add_argument("--full", action="store_true", help="more and longer rounds, 60 s of the crowd")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where results go (default bench/results)")
    parser.add_argument("--no-install", action="store_true", help="never install what is missing")
    return parser.parse_args(arguments)


def measure(asked: argparse.Namespace, where: Path) -> list[Result]:
    """All rows asked for."""
    rounds = asked.rounds or (1 if asked.quick else 7 if asked.full else 3)
    seconds, crowd = (1.0, 2.0) if asked.quick else (5.0, 60.0) if asked.full else (2.0, 10.0)
    results: list[Result] = []
    with closing(Park(where)) as park:
        for row in rows(seconds, crowd):
            if not asked.only or row.name in asked.only:
                _say(f"{row.name}: {row.what}")
                results.append(run_row(row, park, rounds))
        if not asked.only or "memory" in asked.only:
            _say("memory of cached objects")
            few = (20_000, 8_000) if asked.quick else (1_000_000, 40_000)
            results += memory.run(park, *few)
    if not asked.only or "worldwide" in asked.only:
        _say("worldwide world")
        results += worldwide.run(where, rounds)
    return results


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Measure, print, write."""
    asked = options()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else max(soft, 65_536), hard))
    if not asked.no_install and (trouble := install()):
        _say(trouble)
    with tempfile.TemporaryDirectory(prefix="edgesim-bench-") as where:
        results = measure(asked, Path(where))
    machine = f"{os.cpu_count()} CPUs, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    title = f"edgesim bench, {date.today().isoformat()}, {machine}, load {os.getloadavg()[0]:.1f} at the end"
    print("\n".join([title, "", *table.lines(results)]))
    asked.out.mkdir(parents=True, exist_ok=True)
    document = {"title": title, "rows": [result.plain() for result in results]}
    (asked.out / "latest.json").write_text(json.dumps(document, indent=1) + "\n")
    (asked.out / "latest.svg").write_text(plot.svg(results, title))
    _say(f"written: {asked.out / 'latest.json'}, {asked.out / 'latest.svg'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
