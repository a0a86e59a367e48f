"""``edgesim import``: distributions from the AWS CLI, CloudFormation or Terraform into the running world."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from edgesim.cli.arguments import Commands, parser_for
from edgesim.cli.client import Refused, add_flags, find
from edgesim.cli.printing import say, say_json
from edgesim.errors import EdgesimError


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "Bring distributions into the running world: what `aws cloudfront get-distribution-config` prints, a "
        "CloudFormation or SAM template (JSON or YAML), or `terraform show -json` of a state or a plan. Policies, "
        "keys, functions and certificates in it come along; all of it is made or nothing. What is not here as it is "
        "written is listed. Without FILE only origins are given addresses. Exits with 1 when no distribution was made.",
        "  aws cloudfront get-distribution-config --id E1 > site.json\n"
        "  edgesim import site.json --origin app.example.com=http://127.0.0.1:3000\n"
        "  edgesim import template.yaml --parameter Stage=test --name shop\n"
        "  terraform show -json plan.bin | edgesim import -\n"
        "  edgesim import --origin app.example.com=http://127.0.0.1:3000",
    )
    parser.add_argument("file", nargs="*", metavar="FILE", help="documents that belong together; - is standard input")
    parser.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="NAME=URL",
        help="where an origin, by id or domain name, is on this machine (can be repeated)",
    )
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="K=V", help="a parameter of a template (can be repeated)"
    )
    parser.add_argument("--name", default="", metavar="N", help="the stack's name, and the distribution's Name tag")
    add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, send, and tell what came of it."""
    if not options.file and not options.origin:
        raise EdgesimError("name a file to import, or an address with --origin NAME=URL")
    body = {
        "documents": [{"name": name, "text": text_of(name)} for name in options.file],
        "origins": pairs(options.origin, "--origin", "NAME=URL"),
        "parameters": pairs(options.parameter, "--parameter", "K=V"),
        "name": options.name,
    }
    client = find(options)
    try:
        report = client.post("import", body)
    except Refused as error:
        print(f"edgesim: {error}", file=sys.stderr)
        return 1
    if options.json:
        say_json(report)
    else:
        _tell(report)
    return 0 if report["distributions"] or not options.file else 1


def text_of(name: str) -> str:
    """The text of a file, or of standard input for ``-``; raises EdgesimError."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise EdgesimError(f"cannot read {name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise EdgesimError(f"{name} is not UTF-8 text") from None


def pairs(given: list[str], flag: str, form: str) -> dict[str, str]:
    """``A=B`` arguments; raises EdgesimError."""
    found = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key:
            raise EdgesimError(f"{flag} {one}: expected {form}")
        found[key] = value
    return found


def _tell(report: Any) -> None:
    for one in report["distributions"]:
        say(f"distribution {one['id']}  {' '.join([one['domain'], *one['aliases']])}")
    for one in report["made"]:
        if one["family"] != "distribution":
            say(f"{one['family']} {one['id']}  {one['name']}")
    if not report["made"]:
        say("the origins have their addresses")
    if report["notes"]:
        say("\nnot as it is written:")
        for one in report["notes"]:
            say(f"  {one['path']}: {one['why']}")
    if report["unmapped"]:
        say("\norigins without an address on this machine; put yours in place of the URL:")
        for one in report["unmapped"]:
            say(f"  {one['command']}")
