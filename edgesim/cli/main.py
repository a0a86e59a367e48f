"""Reading the command line, and turning errors into words and exit codes.

Exit codes: 0 done, 1 it went wrong, 2 the command line or the configuration is wrong, 3 no running world was found,
130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from edgesim.errors import ConfigError, EdgesimError
from edgesim.world.loading import ConfigErrors

COMMANDS = {
    "up": "start a world and serve viewers",
}
"""Commands in the order of the tour that ``edgesim --help`` is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
        return code
    except ConfigErrors as errors:
        for error in errors.errors:
            print(f"edgesim: {error}", file=sys.stderr)
        return 2
    except ConfigError as error:
        print(f"edgesim: {error}", file=sys.stderr)
        return 2
    except EdgesimError as error:
        print(f"edgesim: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgesim",
        description="A CDN on one machine that you can see through: watch it, break it, test it, bill it.",
        epilog="Begin with: edgesim up configs/demo.yaml",
    )
    parser.add_argument("--version", action="version", version=f"edgesim {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        import_module(f"edgesim.cli.{name}").add(commands, name, summary)
    return parser


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("edgesim")
    except PackageNotFoundError:
        return "0.1.0"
