"""``edgesim schema``: the JSON Schema of world files."""

from __future__ import annotations

import argparse

from edgesim.cli.arguments import Commands, parser_for


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "Print the JSON Schema of world files. An editor that speaks the YAML language server completes and checks "
        "files whose first line names it.",
        "  edgesim schema > schema.json\n  # yaml-language-server: $schema=schema.json",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print it."""
    from edgesim.world.schema import schema_text

    print(schema_text(), end="")
    return 0
