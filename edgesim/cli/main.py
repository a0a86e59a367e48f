"""Reading the command line, and turning errors into words and exit codes.

Only the module of the command that was asked for is imported, so that the small ones answer at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module

from edgesim.errors import ConfigError, EdgesimError

COMMANDS = {
    "up": "start a world and serve viewers",
    "check": "read world files and name every mistake",
    "explain": "tell everything about one request, or follow them all",
    "edges": "list edges, stop and start them, look into their caches",
    "clock": "show the simulated clock, move it on, pause it, change its speed",
    "invalidate": "take paths out of the caches",
    "faults": "break something, and mend it",
    "latency": "wait for distances, or only report them",
    "stats": "hit ratios, bytes and times, in all and per edge",
    "bill": "what CloudFront would charge",
    "sign": "sign a URL, or cookies, for viewers of what is not for everybody",
    "certs": "the certificates and their dates",
    "import": "bring distributions here from the AWS CLI, CloudFormation or Terraform",
    "export": "a distribution as the AWS CLI takes it, or the world as a file",
    "lint": "contradictory and costly settings, and what to do",
    "schema": "the JSON Schema of world files, for editors",
}
"""Commands in the order of the tour that ``edgesim --help`` is."""

EPILOG = """\
begin with:
  edgesim up configs/demo.yaml                    then, in another terminal:
  curl -si http://127.0.0.1:8080/ -o /dev/null -D -
  edgesim explain --last                          why that answer, from where, how old
  edgesim clock advance 25h                       a day passes
  edgesim invalidate '/wp-content/*' --wait

exit codes:
  0 done   1 it went wrong   2 the command line or a configuration is wrong   3 no running world was found
  130 interrupted   141 whoever read the output went away

`edgesim COMMAND --help` has examples for each."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        options = _parser(given).parse_args(given)
        code: int = options.run(options)
        sys.stdout.flush()
    except EdgesimError as error:
        for message in _messages(error):
            print(f"edgesim: {message}", file=sys.stderr)
        return 2 if _configuration(error) else int(getattr(error, "exit_code", 1))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
        return 141
    return code


def _messages(error: EdgesimError) -> Iterable[object]:
    """One message for each mistake of a configuration, else the error's own."""
    errors: list[ConfigError] = getattr(error, "errors", [])
    return errors or [error]


def _configuration(error: EdgesimError) -> bool:
    return isinstance(error, ConfigError) or bool(getattr(error, "errors", None))


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgesim",
        description="A CDN on one machine that you can see through: watch it, break it, test it, bill it.",
        epilog=EPILOG,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=16),
    )
    parser.add_argument("--version", action="version", version=f"edgesim {_version()}" if "--version" in given else "")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    asked = next((word for word in given if not word.startswith("-")), "")
    for name, summary in COMMANDS.items():
        if name == asked:
            import_module(f"edgesim.cli.{name}").add(commands, name, summary)
        else:
            commands.add_parser(name, help=summary)
    return parser


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("edgesim")
    except PackageNotFoundError:
        return "0.1.0"
