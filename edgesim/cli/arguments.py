"""What every command's parser has in common."""

from __future__ import annotations

import argparse
import sys
from textwrap import fill

Commands = argparse._SubParsersAction


def parser_for(
    commands: Commands[argparse.ArgumentParser], name: str, summary: str, description: str, examples: str
) -> argparse.ArgumentParser:
    """A command's parser: what it does, and examples below."""
    return commands.add_parser(
        name,
        help=summary,
        description=fill(description, 100),
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def wrong(parser: str, message: str) -> SystemExit:
    """The way out for a command line that makes no sense."""
    print(f"edgesim: {message}; see edgesim {parser} --help", file=sys.stderr)
    return SystemExit(2)
