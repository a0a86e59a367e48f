"""``edgesim invalidate``: take paths out of the caches."""

from __future__ import annotations

import argparse
import time
from typing import Any

from edgesim.cli.arguments import Commands, parser_for
from edgesim.cli.client import Client, add_flags, find, part
from edgesim.cli.printing import say, say_json
from edgesim.errors import EdgesimError

POLL = 0.1


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "Take paths out of every cache of a distribution, as CloudFront's invalidations do: case counts, a * at the "
        "end stands for anything, and where the query string is in the cache key it has to be named or covered "
        "by the *. The first 1,000 paths of a month are free.",
        "  edgesim invalidate /index.html\n"
        "  edgesim invalidate '/wp-content/*' /feed/ --wait\n"
        "  edgesim invalidate '/*' --watch                  each cache as it is reached\n"
        "  edgesim invalidate '/*' --distribution harbour",
    )
    parser.add_argument("path", nargs="+", metavar="PATH", help="a path; quote the * for the shell")
    parser.add_argument("--distribution", metavar="NAME", help="id, name, domain or alias (when there are several)")
    parser.add_argument("--caller-reference", metavar="TEXT", help="the same again is the same invalidation")
    parser.add_argument("--wait", action="store_true", help="until every cache has carried it out")
    parser.add_argument("--watch", action="store_true", help="the same, and name each cache when it has")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="S", help="real seconds to wait (default 60)")
    add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Invalidate, and wait if asked to."""
    client = find(options)
    body = {"paths": options.path, "distribution": options.distribution, "caller_reference": options.caller_reference}
    facts = client.post("invalidations", {name: value for name, value in body.items() if value is not None})
    if options.wait or options.watch:
        facts = _completed(client, facts["id"], options.timeout, watch=options.watch and not options.json)
    if options.json:
        say_json(facts)
    else:
        say(f"{facts['id']}  {facts['status']}  {' '.join(facts['paths'])}")
    return 0


def _completed(client: Client, id: str, timeout: float, *, watch: bool) -> Any:
    end = time.monotonic() + timeout
    told: set[tuple[str, str]] = set()
    while True:
        facts = client.get(f"invalidations/{part(id)}")
        for one in facts["caches"] if watch else ():
            name = (one["tier"], one["cache"])
            if one["done"] and name not in told:
                told.add(name)
                say(f"{one['due']}  {one['tier']:8}  {one['cache']:16}  {len(told)} of {len(facts['caches'])}")
        if facts["status"] == "Completed":
            return facts
        if time.monotonic() > end:
            left = [one["cache"] for one in facts["caches"] if not one["done"]]
            hint = "the simulated clock may stand still: edgesim clock resume, or edgesim clock advance 1min"
            raise EdgesimError(f"{id} has not reached {', '.join(left)} within {timeout:g} s; {hint}")
        time.sleep(POLL)
