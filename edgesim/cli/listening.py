"""Words of the command line that several commands understand: addresses, origins, the state directory."""

from __future__ import annotations

from pathlib import Path

from edgesim.assembly.running import Address
from edgesim.world.fields import ListenAddress

DEFAULT_STATE = Path(".edgesim")


def origins(pairs: list[str]) -> dict[str, str]:
    """The origins that ``--origin NAME=URL`` puts elsewhere."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, url = pair.partition("=")
        if not equals or not url:
            raise SystemExit(f"edgesim: --origin {pair!r}: write NAME=URL, such as site=http://127.0.0.1:3000")
        found[name] = url
    return found


def address(given: str | None, listen: ListenAddress | None, default: int) -> Address:
    """Where to listen: as the command line says, or else the world file, or else on a port of loopback."""
    if given is None:
        return Address(listen.host, listen.port) if listen is not None else Address(port=default)
    text = given
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise SystemExit(f"edgesim: {text!r} is not a port: write 8080 or 127.0.0.1:8080")
    return Address(host.strip("[]") or "127.0.0.1", int(port))
