"""``edgesim clock``: show the simulated clock and change it."""

from __future__ import annotations

import argparse
from typing import Any

from edgesim.cli.arguments import Commands, parser_for, wrong
from edgesim.cli.client import add_flags, find
from edgesim.cli.printing import say, say_json

ACTIONS = ("show", "advance", "pause", "resume", "speed", "set")
_NEEDS = {
    "advance": "a duration such as 25h",
    "speed": "a number such as 60",
    "set": "a date such as 2026-03-01T12:00Z",
}


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "The simulated clock decides how old answers are and when certificates end. It can be moved on, stopped and "
        "sped up; it never goes back.",
        "  edgesim clock                            what it shows\n"
        "  edgesim clock advance 25h                also: 90, '10 min', 1h30m, '2 days'\n"
        "  edgesim clock pause\n"
        "  edgesim clock resume\n"
        "  edgesim clock speed 60                   a minute every second\n"
        "  edgesim clock set 2027-01-01T00:00:00Z",
    )
    parser.add_argument("action", nargs="?", default="show", choices=ACTIONS, help="what to do (default: show)")
    parser.add_argument("value", nargs="*", help="the duration, speed or date")
    add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show or change."""
    change = _change(options.action, " ".join(options.value))
    client = find(options)
    facts = client.post("clock", change) if change else client.get("clock")
    if options.json:
        say_json(facts)
    else:
        say(_words(facts))
    return 0


def _change(action: str, value: str) -> dict[str, Any]:
    if action not in _NEEDS:
        if value:
            raise wrong("clock", f"{action} takes nothing, and got {value!r}")
        return {} if action == "show" else {action: True}
    if not value:
        raise wrong("clock", f"{action} needs {_NEEDS[action]}")
    if action != "speed":
        return {action: value}
    try:
        return {"speed": float(value)}
    except ValueError:
        raise wrong("clock", f"{value!r} is no speed: write {_NEEDS[action]}") from None


def _words(facts: Any) -> str:
    ahead = facts["offset_s"]
    if abs(ahead) < 1:
        where = "as the machine's clock"
    else:
        where = f"{_span(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the machine's clock"
    pace = "paused" if facts["paused"] else "" if facts["speed"] == 1 else f"{facts['speed']:g} times as fast"
    return f"{facts['iso']}  {', '.join(filter(None, (where, pace)))}"


def _span(seconds: float) -> str:
    days, rest = divmod(round(seconds), 86_400)
    hours, rest = divmod(rest, 3600)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{rest // 60} min" if rest >= 60 else ""]
    return " ".join(filter(None, parts)) or f"{rest} s"
