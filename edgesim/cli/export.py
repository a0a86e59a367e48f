"""``edgesim export``: a distribution as the AWS CLI takes it, or the world as a file."""

from __future__ import annotations

import argparse
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
        "update-distribution; or with --format yaml the whole world as a file that `edgesim up` runs, with all that "
        "was made through the API. Imported certificates are not in it: their keys stay where they are.",
        "  edgesim export harbour -o harbour.json\n"
        "  aws cloudfront create-distribution --distribution-config file://harbour.json\n"
        "  edgesim export --format yaml -o copy.yaml && edgesim up copy.yaml",
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="id, name, domain or alias (when there are several)")
    parser.add_argument("--format", choices=("json", "yaml"), default="json", help="json (default) or a world file")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there")
    add_flags(parser, json=False)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask and write."""
    text = find(options).text("export", id=options.id, format=options.format).rstrip("\n")
    if options.output is None:
        say(text)
        return 0
    try:
        Path(options.output).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise EdgesimError(f"cannot write {options.output}: {error.strerror}") from None
    return 0
