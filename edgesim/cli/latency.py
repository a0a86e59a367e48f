"""``edgesim latency``: wait for distances, or only report them."""

from __future__ import annotations

import argparse

from edgesim.cli.arguments import Commands, parser_for
from edgesim.cli.client import add_flags, find
from edgesim.cli.printing import say, say_json


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "real: the modelled delays between viewers, edges and origins are waited for. reported: nobody waits, and they "
        "are only shown.",
        "  edgesim latency                          how it is now\n"
        "  edgesim latency reported\n"
        "  edgesim latency real --scale 0.5         half as far",
    )
    parser.add_argument("mode", nargs="?", choices=("real", "reported"), help="how from now on")
    parser.add_argument("--scale", type=float, metavar="X", help="a factor on every delay")
    add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show or change."""
    change = {name: value for name in ("mode", "scale") if (value := getattr(options, name)) is not None}
    client = find(options)
    facts = client.post("latency", change) if change else client.get("latency")
    if options.json:
        say_json(facts)
    else:
        waited = "distances are waited for" if facts["mode"] == "real" else "distances are only reported"
        say(f"{facts['mode']}: {waited}, {facts['scale']:g} times the model; last mile {facts['access']}")
    return 0
