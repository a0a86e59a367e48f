"""``edgesim export``: a distribution as the AWS CLI takes it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edgesim.cli.arguments import Commands, parser_for
from edgesim.cli.client import add_flags, find
from edgesim.cli.printing import say
from edgesim.errors import EdgesimError


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "Print a distribution's configuration as JSON, as the AWS CLI takes it for create-distribution and "
        "update-distribution.",
        "  edgesim export harbour -o harbour.json\n"
        "  aws cloudfront create-distribution --distribution-config file://harbour.json",
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="id, name, domain or alias (when there are several)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there")
    add_flags(parser, json=False)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask and write."""
    text = json.dumps(find(options).get("export", id=options.id), indent=2)
    if options.output is None:
        say(text)
        return 0
    try:
        Path(options.output).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise EdgesimError(f"cannot write {options.output}: {error.strerror}") from None
    return 0
