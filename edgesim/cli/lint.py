"""``edgesim lint``: contradictory and costly settings, in plain words."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from edgesim.cli.arguments import Commands, parser_for
from edgesim.cli.client import add_flags, find
from edgesim.cli.printing import say, say_json
from edgesim.errors import EdgesimError


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "Look for settings that contradict one another, cost more than they need to, or show one visitor's pages to "
        "another: in a world file, in what the AWS CLI prints, in a CloudFormation template, in Terraform's JSON, or "
        "in the running world. Exits with 0, or with --strict 1 when there are errors or warnings.",
        "  edgesim lint configs/demo.yaml\n"
        "  edgesim lint template.yaml --parameter Stage=live --strict\n"
        "  edgesim lint E2EXAMPLE123AB\n"
        "  edgesim lint --running --json",
    )
    parser.add_argument("what", nargs="*", metavar="FILE|ID", help="a document, or a distribution that runs")
    parser.add_argument("--running", action="store_true", help="all distributions of the running world")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when there are errors or warnings")
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="K=V", help="a parameter of a template (can be repeated)"
    )
    add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look, and tell."""
    if options.running == bool(options.what):
        raise EdgesimError("name files or distributions, or say --running")
    files = [name for name in options.what if name == "-" or Path(name).is_file()]
    ids = [name for name in options.what if name not in files]
    if wrong := [name for name in ids if "/" in name or name.endswith((".json", ".yaml", ".yml", ".template"))]:
        raise EdgesimError(f"there is no file {wrong[0]}")
    found: list[dict[str, Any]] = _documents(files, options.parameter) if files else []
    if options.running or ids:
        client = find(options)
        for id in ids or [None]:
            found += client.get("lint", id=id)["findings"]
    if options.json:
        say_json({"findings": found})
    else:
        _tell(found)
    return int(options.strict and any(one["severity"] != "info" for one in found))


def _documents(names: list[str], parameters: list[str]) -> list[dict[str, Any]]:
    from edgesim.api.importing.plan import Plan, Unreadable, fill
    from edgesim.api.importing.reading import joined, kind_of, parse, read
    from edgesim.errors import ControlError
    from edgesim.world.linting.documents import of_documents, of_file
    from edgesim.world.linting.finding import Finding, Subject
    from edgesim.world.linting.looking import look
    from edgesim.world.loading import check_text, check_world

    reading = import_module("edgesim.cli.import")
    given = reading.pairs(parameters, "--parameter", "K=V")
    plans: list[Plan] = []
    subjects: list[Subject] = []
    findings: list[Finding] = []
    for name in names:
        text = reading.text_of(name)
        try:
            if kind_of(parse(text)) == "world":
                checked = check_text(text, file=name) if name == "-" else check_world(name)
                subjects += of_file(checked.world)
            else:
                plans.append(read(text, given))
        except Unreadable as error:
            raise Unreadable(f"{name}: {error}") from None
    if plans:
        documents: dict[str, dict[str, Mapping[str, Any]]] = {}
        plan = joined(plans)
        for one in plan.resources:
            documents.setdefault(one.family, {})[one.name] = fill(one.config, lambda name, _: name)
        try:
            more, findings = of_documents(documents, {one.name: one.path for one in plan.of("distribution")})
        except ControlError as error:
            raise Unreadable(f"{', '.join(names)}: {error.message}") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unreadable(f"{', '.join(names)}: a setting is missing or makes no sense: {error}") from None
        subjects += more
    return [asdict(one) for one in (*look(subjects), *findings)]


def _tell(found: list[dict[str, Any]]) -> None:
    for one in found:
        say(f"{one['severity']}: {one['path'] or '(all)'}: {one['message']} [{one['rule']}]")
        say(f"    {one['advice']}")
    counts = {severity: sum(one["severity"] == severity for one in found) for severity in ("error", "warning", "info")}
    words = [
        f"{count} {severity}{'s' if count != 1 and severity != 'info' else ''}"
        for severity, count in counts.items()
        if count
    ]
    say(", ".join(words) if words else "nothing to say")
