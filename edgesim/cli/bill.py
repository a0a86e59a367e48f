"""``edgesim bill``: what CloudFront would charge for a month."""

from __future__ import annotations

import argparse
from typing import Any

from edgesim.cli.arguments import Commands, parser_for
from edgesim.cli.client import add_flags, find
from edgesim.cli.printing import say, say_json, size, table


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "The pay-as-you-go bill of what this world served in a month of the simulated clock, by pricing region, with "
        "the always-free tier shown apart. Prices come with edgesim and have a date; they are no offer.",
        "  edgesim bill\n  edgesim bill --month 2026-03\n  edgesim bill --json | jq .total_micro_usd",
    )
    parser.add_argument("--month", metavar="YYYY-MM", help="which month (default: the present one)")
    add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show the bill."""
    facts = find(options).get("bill", month=options.month)
    if options.json:
        say_json(facts)
        return 0
    rows: list[tuple[object, ...]] = []
    for region in facts["regions"]:
        rows += [(region["label"], *_line(line)) for line in region["lines"]]
    rows += [("", *_line(line)) for line in facts["other"]]
    rows.append(("", "list price", "", f"${facts['list_price_usd']}"))
    rows += [("", *_line(line)) for line in facts["always_free"]]
    rows.append(("", "total", "", f"${facts['total_usd']}"))
    say(f"{facts['month']}, prices of {facts['prices_collected']}")
    table(("REGION", "WHAT", "QUANTITY", "AMOUNT"), rows, "llrr")
    for note in facts["notes"]:
        say(f"- {note}")
    return 0


def _line(line: Any) -> tuple[str, str, str]:
    quantity = size(line["quantity"]) if line["unit"] == "byte" else f"{line['quantity']:,}"
    usd = line["usd"]
    return line["what"], quantity, f"-${usd[1:]}" if usd.startswith("-") else f"${usd}"
