"""The token that the processes of one world share: from the environment, or from a file that one of them makes."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from edgesim.errors import EdgesimError
from edgesim.tls import files

TOKEN = "EDGESIM_TOKEN"
TOKEN_FILE = "EDGESIM_TOKEN_FILE"
SHORTEST = 16


class NoToken(EdgesimError):
    """There is no token that could be shared."""


def shared_token(env: Mapping[str, str] | None = None, *, make: bool = False) -> str:
    """The token of the environment's ``EDGESIM_TOKEN``, or in the file ``EDGESIM_TOKEN_FILE``.

    With ``make`` a file that is not there is made, with a random token. Raises NoToken.
    """
    found = os.environ if env is None else env
    token = found.get(TOKEN, "")
    name = found.get(TOKEN_FILE, "")
    if not token and name:
        token = _from_file(Path(name), make=make)
    if not token:
        raise NoToken(f"processes of one world share a token: set {TOKEN}, or {TOKEN_FILE} to a file all of them read")
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable():
        raise NoToken(f"the token is not usable: at least {SHORTEST} printable ASCII characters, such as of a UUID")
    return token


def _from_file(path: Path, *, make: bool) -> str:
    try:
        if make and not path.exists():
            files.create_once(path, secrets.token_urlsafe(32).encode() + b"\n", 0o640)
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise NoToken(f"cannot read the token in {path}: {error}") from None
