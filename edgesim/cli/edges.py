"""``edgesim edges``: list edges, stop and start them, look into their caches."""

from __future__ import annotations

import argparse
from typing import Any

from edgesim.cli.arguments import Commands, parser_for, wrong
from edgesim.cli.client import Client, add_flags, find, part
from edgesim.cli.printing import percent, say, say_json, size, table

STATES = {"start": "up", "stop": "stopped", "partition": "partitioned"}


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "A stopped edge is gone, and its viewers go to the next one. A partitioned edge still answers from its cache, "
        "but reaches nothing behind it. POP is a POP code or the beginning of one; a region (eu-west-2) stands for the "
        "regional cache there.",
        "  edgesim edges\n"
        "  edgesim edges stop SYD                   viewers in Sydney go elsewhere\n"
        "  edgesim edges start SYD\n"
        "  edgesim edges partition LHR61-C2\n"
        "  edgesim edges entries SYD --prefix /wp-content/\n"
        "  edgesim edges regional                   the regional caches in use\n"
        "  edgesim edges entries eu-west-2",
    )
    actions = ("list", "stop", "start", "partition", "entries", "regional")
    parser.add_argument("action", nargs="?", default="list", choices=actions, help="what to do (default: list)")
    parser.add_argument("pop", nargs="?", metavar="POP", help="which edge")
    parser.add_argument("--prefix", default="", metavar="PATH", help="entries: only those that begin so")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="entries: how many (default 50)")
    add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List or change."""
    action, pop = options.action, options.pop
    if (pop is None) != (action in ("list", "regional")):
        raise wrong("edges", f"{action} needs a POP code" if pop is None else f"{action} takes no POP code")
    client = find(options)
    facts = _ask(client, action, pop, options)
    if options.json:
        say_json(facts)
    elif action == "list":
        _list(facts["edges"])
    elif action == "regional":
        _regional(facts["regional"])
    elif action == "entries":
        _entries(facts)
    else:
        say(f"{facts['pop']} ({facts['city']}) is {facts['state']}")
    return 0


def _ask(client: Client, action: str, pop: str | None, options: argparse.Namespace) -> Any:
    if action == "list" or pop is None:
        return client.get("edges" if action == "list" else "regional")
    if action != "entries":
        return client.post(f"edges/{part(pop)}", {"state": STATES[action]})
    kind = "regional" if pop.count("-") >= 2 else "edges"
    return client.get(f"{kind}/{part(pop)}/entries", limit=options.limit, prefix=options.prefix)


def _list(edges: list[Any]) -> None:
    head = ("EDGE", "CITY", "STATE", "REQUESTS", "HITS", "SENT", "OBJECTS", "CACHE", "BEHIND IT")
    rows = [
        (
            edge["pop"],
            f"{edge['city']}, {edge['country']}",
            edge["state"],
            edge["requests"],
            percent(edge["hit_ratio"]),
            size(edge["bytes_out"]),
            "-" if edge["entries"] is None else edge["entries"],
            f"{size(edge['used_bytes'])} of {size(edge['capacity_bytes'])}",
            edge["regional_cache"] or "the origin",
        )
        for edge in edges
    ]
    table(head, rows, "lllrrrrl")


def _regional(caches: list[Any]) -> None:
    if not caches:
        say("No regional cache is in use yet: they come to be when an edge first asks them.")
        return
    rows = [
        (
            cache["region"],
            cache["entries"],
            f"{size(cache['used_bytes'])} of {size(cache['capacity_bytes'])}",
            " ".join(cache["edges"]),
        )
        for cache in caches
    ]
    table(("REGION", "OBJECTS", "CACHE", "EDGES BEFORE IT"), rows, "lrl")


def _entries(facts: Any) -> None:
    entries = facts["entries"]
    if facts["stored"] is None:
        say(f"{facts['cache']} runs in another process, which keeps its cache to itself.")
        return
    if entries:
        head = ("STATUS", "SIZE", "AGE", "FRESH FOR", "HITS", "", "URI")
        rows = [
            (
                entry["status"],
                size(entry["body_bytes"]),
                f"{entry['age_s']:,.0f} s",
                f"{entry['ttl_left_s']:,.0f} s",
                entry["hits"],
                _marks(entry),
                entry["uri"],
            )
            for entry in entries
        ]
        table(head, rows, "rrrrr")
    say(f"{len(entries)} shown of {facts['stored']} in {facts['cache']}.")


def _marks(entry: Any) -> str:
    marks = [
        entry["encoding"],
        "stale" if not entry["fresh"] else "",
        *(word for word in ("error", "partial", "invalidated") if entry[word]),
    ]
    return " ".join(filter(None, marks))
