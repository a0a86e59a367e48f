"""``edgesim check``: read world files and name every mistake."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from edgesim.cli.arguments import Commands, parser_for
from edgesim.errors import ConfigError


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "Read world files and name every mistake at once, each with its line, its path in the file and what to do. "
        "Exits with 2 when there are mistakes; warnings do not count.",
        "  edgesim check configs/demo.yaml\n  edgesim check configs/*.yaml --json",
    )
    parser.add_argument("config", nargs="+", help="a world file")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check the files."""
    from edgesim.world.loading import Checked, check_world

    checked: dict[str, Checked] = {name: check_world(name) for name in options.config}
    broken = any(one.errors for one in checked.values())
    if options.json:
        from edgesim.cli.printing import say_json

        say_json({"ok": not broken, "files": [_facts(name, one) for name, one in checked.items()]})
        return 2 if broken else 0
    for name, one in checked.items():
        for error in one.errors:
            print(f"edgesim: {error}", file=sys.stderr)
        for warning in one.warnings:
            print(f"edgesim: warning: {warning}", file=sys.stderr)
        if not one.errors:
            print(f"{name}: {_about(one)}")
        else:
            print(f"{name}: {_count(len(one.errors), 'mistake')}")
    return 2 if broken else 0


def _about(checked: Any) -> str:
    file = checked.world
    words = f"good: {_count(len(file.edges), 'edge')}, {_count(len(file.distributions), 'distribution')}"
    return f"{words}, {_count(len(checked.warnings), 'warning')}" if checked.warnings else words


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _facts(name: str, checked: Any) -> dict[str, Any]:
    return {
        "file": name,
        "ok": not checked.errors,
        "errors": [_mistake(error) for error in checked.errors],
        "warnings": [_mistake(warning) for warning in checked.warnings],
    }


def _mistake(error: ConfigError) -> dict[str, Any]:
    return {
        "line": error.line or None,
        "path": error.path,
        "found": error.found,
        "expected": error.expected,
        "hint": error.hint,
        "message": str(error),
    }
