"""``edgesim stats``: what was served, in all and per edge."""

from __future__ import annotations

import argparse
from typing import Any

from edgesim.cli.arguments import Commands, parser_for
from edgesim.cli.client import add_flags, find
from edgesim.cli.printing import percent, say, say_json, size, table


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "Counted since the world started. The hit ratio is of requests that could have been hits: without errors and "
        "without methods that write; a RefreshHit is a hit. Percentiles are good to 10 %.",
        "  edgesim stats\n  edgesim stats --json | jq .total.hit_ratio",
    )
    add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show the counts."""
    facts = find(options).get("stats")
    if options.json:
        say_json(facts)
        return 0
    head = ("EDGE", "REQUESTS", "HITS", "BY BYTES", "HIT", "REFRESHHIT", "MISS", "ERROR", "OTHER", "SENT", "ORIGIN")
    rows = [_row(pop, tally) for pop, tally in facts["edges"].items()]
    table((*head, "p50 ms", "p99 ms"), [*rows, _row("all", facts["total"])], "l" + "r" * 12)
    total = facts["total"]
    modelled = total["modelled_network_ms"]
    say(
        f"{total['stale_served']} stale answers, {total['collapsed']} collapsed requests, "
        f"{total['incomplete']} incomplete; modelled distance p50 {modelled['p50']:g} ms, p99 {modelled['p99']:g} ms"
    )
    return 0


def _row(name: str, tally: Any) -> tuple[object, ...]:
    results = tally["results"]
    shown = [results[word] for word in ("Hit", "RefreshHit", "Miss", "Error")]
    return (
        name,
        tally["requests"],
        percent(tally["hit_ratio"]),
        percent(tally["byte_hit_ratio"]),
        *shown,
        tally["requests"] - sum(shown),
        size(tally["bytes_out"]),
        tally["origin_requests"],
        f"{tally['latency_ms']['p50']:.1f}",
        f"{tally['latency_ms']['p99']:.1f}",
    )
