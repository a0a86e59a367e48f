"""``edgesim explain``: everything about one request, or all requests as they come."""

from __future__ import annotations

import argparse
from typing import Any

from edgesim.cli.arguments import Commands, parser_for, wrong
from edgesim.cli.client import Client, NoWorld, add_flags, find, part
from edgesim.cli.printing import plain, say, say_json, say_line, sections, size


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "Tell why a request was answered as it was: the viewer's place and the edge chosen for it, the behaviour that "
        "matched, the cache key, the freshness sum, what each cache on the way did, the visit to the origin, the "
        "times. "
        "Requests are known by the X-Amz-Cf-Id of their answers; the last 10,000 are remembered.",
        "  edgesim explain --last\n"
        "  edgesim explain C8jzsmVLU3TCM43aXhaa1MQifBwFYCnQjdLaCqKXJRsv3lcrL_JMvw==\n"
        "  edgesim explain --last --compare rfc9111   what a standard cache would have done\n"
        "  edgesim explain --follow                 a line for each request, until Ctrl-C\n"
        "  edgesim explain --follow --full          all about each\n"
        "  edgesim explain --last --json | jq .key",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("id", nargs="?", metavar="ID", help="the X-Amz-Cf-Id of an answer")
    which.add_argument("--last", action="store_true", help="the latest request")
    which.add_argument("--follow", action="store_true", help="requests as they come")
    parser.add_argument("--compare", metavar="PROFILE", help="what the other cache profile would have done: rfc9111")
    parser.add_argument("--full", action="store_true", help="with --follow: everything about each")
    add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Explain."""
    if not (options.id or options.last or options.follow):
        raise wrong("explain", "which request? Give an ID, --last or --follow")
    client = find(options)
    if options.follow:
        return _follow(client, options)
    if options.compare:
        facts = client.get(f"explain/{part(options.id or 'last')}?compare={part(options.compare)}")
        if options.json:
            say_json(facts)
        else:
            say(facts["text"])
        return 0
    facts = client.get(f"explain/{part(options.id or 'last')}")
    if options.json:
        say_json(facts)
    else:
        sections(facts["text"])
    return 0


def _follow(client: Client, options: argparse.Namespace) -> int:
    for name, data in client.events(only="verdict"):
        if name == "lost":
            say(f"({data['events']} requests came too fast to be shown)")
        elif name == "verdict" and options.full:
            _full(client.get(f"explain/{part(data['id'])}"), options.json)
        elif name == "verdict" and options.json:
            say_line(data)
        elif name == "verdict":
            print(_line(data), flush=True)
    raise NoWorld(f"the world at {client.url} has ended")


def _full(facts: Any, json: bool) -> None:
    if json:
        say_line(facts)
    else:
        sections(facts["text"])
        print(flush=True)


def _line(data: Any) -> str:
    reason = f" ({data['reason']})" if data["reason"] else ""
    result = f"{data['result']}{reason}"
    return plain(
        f"{data['iso'][11:19]}  {data['edge'] or '-':9}  {result:28}  {data['status'] or '---'}  "
        f"{data['ms']:8.1f} ms  {size(data['bytes']):>9}  {data['method']} {data['target']}  "
        f"{data['place'] or '?'}  {data['id']}"
    )
