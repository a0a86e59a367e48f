"""``edgesim faults``: break something, and mend it."""

from __future__ import annotations

import argparse
from typing import Any

from edgesim.cli.arguments import Commands, parser_for, wrong
from edgesim.cli.client import add_flags, find, part
from edgesim.cli.printing import say, say_json, table

KINDS = ("stop", "partition", "slow", "error")


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "TARGET is edge:POP, regional:REGION, origin:ID or link:A->B, where A and B are POP codes, regions or origins. "
        "KIND is stop, partition (cut off), slow (VALUE milliseconds, or a duration such as 2s) or error (VALUE is the "
        "status to answer with). A fault lasts until it is cleared.",
        "  edgesim faults                           those in force\n"
        "  edgesim faults set origin:site error 503\n"
        "  edgesim faults set origin:site stop\n"
        "  edgesim faults set 'link:LHR61-C2->eu-west-2' slow 2s\n"
        "  edgesim faults clear fault-1\n"
        "  edgesim faults clear --all",
    )
    parser.add_argument("action", nargs="?", default="list", choices=("list", "set", "clear"), help="(default: list)")
    parser.add_argument("words", nargs="*", metavar="TARGET KIND [VALUE] | ID", help="what to break, or what to mend")
    parser.add_argument("--id", metavar="NAME", help="set: a name of your own for the fault")
    parser.add_argument("--all", action="store_true", help="clear: everything")
    add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List, break or mend."""
    words = options.words
    body = _fault(options) if options.action == "set" else {}
    if options.action == "clear" and bool(words) == options.all:
        raise wrong("faults", "clear needs the fault's id, or --all")
    if options.action == "list" and words:
        raise wrong("faults", f"list takes nothing, and got {' '.join(words)}")
    client = find(options)
    if options.action == "set":
        facts = client.post("faults", body)
    elif options.action == "list":
        facts = client.get("faults")
    elif options.all:
        facts = client.post("faults", {"clear": True})
    else:
        facts = {"cleared": [id for word in words for id in client.delete(f"faults/{part(word)}")["cleared"]]}
    _show(options, facts)
    return 0


def _fault(options: argparse.Namespace) -> dict[str, Any]:
    words = options.words
    if not 2 <= len(words) <= 3:
        raise wrong("faults", "set needs a target and a kind, such as: set origin:site error 503")
    if words[1] not in KINDS:
        raise wrong("faults", f"{words[1]!r} is no kind of fault: write {', '.join(KINDS)}")
    body: dict[str, Any] = {"target": words[0], "kind": words[1]}
    if options.id:
        body["id"] = options.id
    if len(words) == 3:
        body["value"] = _value(words[1], words[2])
    return body


def _value(kind: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    from edgesim.world.units import UnitError, parse_duration

    if kind == "slow":
        try:
            return parse_duration(text) * 1000
        except UnitError:
            pass
    expected = "milliseconds or a duration such as 2s" if kind == "slow" else "a number"
    raise wrong("faults", f"{text!r} is not {expected}")


def _show(options: argparse.Namespace, facts: Any) -> None:
    if options.json:
        say_json(facts)
    elif options.action == "clear":
        say(f"mended: {', '.join(facts['cleared']) or 'nothing was broken'}")
    else:
        faults = facts["faults"] if options.action == "list" else [facts]
        if not faults:
            say("Nothing is broken.")
            return
        rows = [(one["id"], one["target"], one["kind"], _shown(one)) for one in faults]
        table(("ID", "TARGET", "KIND", "VALUE"), rows)


def _shown(fault: Any) -> str:
    if fault["value"] is None:
        return ""
    return f"{fault['value']:g} ms" if fault["kind"] == "slow" else f"{fault['value']:g}"
