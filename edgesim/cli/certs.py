"""``edgesim certs``: the certificates of a running world, or of a state directory."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from edgesim.cli.arguments import Commands, parser_for
from edgesim.cli.client import DEFAULT_STATE, NoWorld, add_flags, find
from edgesim.cli.printing import plain, say, say_json, table


def add(commands: Commands[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = parser_for(
        commands,
        name,
        summary,
        "The certificates viewers and origins are shown, their dates judged by the simulated clock, and the authority "
        "to trust. Without a running world those of the state directory, judged by the machine's clock. The file of a "
        "certificate holds its key and its chain, and is replaced when it is renewed: a load balancer can use it.",
        '  edgesim certs\n  curl --cacert "$(edgesim certs --ca)" https://localhost:8443/\n'
        '  pem="$(edgesim certs --file origin.harbour.test)"\n'
        '  python -m origin --https 8444 --cert "$pem" --key "$pem"',
    )
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--ca", action="store_true", help="only the path of the authority's certificate")
    only.add_argument(
        "--file", metavar="NAME", help="only the path of the file of a certificate, by a name in it or ARN"
    )
    add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List them."""
    try:
        facts = find(options).get("certificates")
    except NoWorld:
        kept = None if options.control else _kept(Path(options.state or DEFAULT_STATE))
        if kept is None:
            raise
        facts = kept
    if options.file is not None:
        return _print_file(facts, options.file)
    if options.json:
        say_json(facts)
    elif options.ca:
        print(facts["ca"])
    else:
        _show(facts)
    return 0


def _print_file(facts: Any, wanted: str) -> int:
    """One file, or what to choose from."""
    found = [one for one in facts["certificates"] if wanted == one["arn"] or wanted.lower() in one["names"]]
    if len(found) == 1:
        print(found[0]["file"])
        return 0
    if found:
        arns = "".join(f"\n  {one['arn']}" for one in found)
        message = f"several certificates have the name {wanted}; say which:{arns}"
    else:
        names = ", ".join(one["names"][0] for one in facts["certificates"])
        message = f"no certificate has the name {wanted}; there are {names}"
    print(plain(f"edgesim certs: {message}"), file=sys.stderr)
    return 1


def _show(facts: Any) -> None:
    rows = [
        (
            ", ".join(one["names"]),
            one["not_before"][:10],
            one["not_after"][:10],
            f"{one['days_left']:g} days" if one["valid"] else "NOT VALID",
            one["key_algorithm"],
            one["renewed_by"],
            ", ".join(one["in_use_by"]) or "-",
        )
        for one in facts["certificates"]
    ]
    table(("NAMES", "FROM", "UNTIL", "LEFT", "KEY", "RENEWED BY", "IN USE BY"), rows, "lllr")
    for warning in facts["warnings"]:
        say(f"warning: {warning}")
    say(f"It is {facts['now']}. Trust them all with: curl --cacert {facts['ca']}")


def _kept(state: Path) -> dict[str, Any] | None:
    """What a state directory holds; None when it holds nothing."""
    directory, authority = state / "certificates", state / "ca.pem"
    if not directory.is_dir() or not authority.exists():
        return None
    from edgesim.control.looking import certificate_facts
    from edgesim.observe.clock import system_time
    from edgesim.observe.iso import iso
    from edgesim.tls.store import read_stored

    now = system_time()
    found = [read_stored(path) for path in sorted(directory.glob("*.pem"))]
    return {
        "ca": str(authority),
        "now": iso(now),
        "certificates": [certificate_facts(one, now) for one in found if not isinstance(one, str)],
        "warnings": [one for one in found if isinstance(one, str)],
    }
