"""The Authorization header: which service a request is signed for, and whether the header is one at all.

Signatures themselves are not checked (any key will do, and none), but a header that AWS could not even read is refused
in AWS's words, so that a client that signs wrongly shows here. Nothing here keeps or tells credentials.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgesim.api.messages import Request

_ALGORITHMS = {"AWS4-HMAC-SHA256": 5, "AWS4-ECDSA-P256-SHA256": 4}
"""How many parts the credential has: key, date, region, service, terminator; SigV4A has no region."""

_MOMENT = re.compile(r"[0-9]{8}T[0-9]{6}Z", re.ASCII)
_PARAMETER = re.compile(r"\s*([A-Za-z]+)=([^,\s]+)\s*")


class Unsigned(Exception):
    """Not a signature: ``incomplete`` when parts are missing, else they contradict each other."""

    def __init__(self, message: str, *, incomplete: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.incomplete = incomplete


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is for."""

    date: str
    service: str
    region: str = ""
    """Empty where the algorithm has none."""


def scope(request: Request) -> Scope | None:
    """The scope of a request's signature, None for one without. Raises Unsigned."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm not in _ALGORITHMS:
        raise Unsigned(f"Unsupported AWS 'algorithm', expected one of {', '.join(_ALGORITHMS)}.", incomplete=True)
    pairs = [match for part in rest.split(",") if (match := _PARAMETER.fullmatch(part))]
    given = {match[1]: match[2] for match in pairs}
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if name not in given]
    if missing:
        words = " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        raise Unsigned(words, incomplete=True)
    found = _credential(given["Credential"], _ALGORITHMS[algorithm])
    _check_date(request, found)
    return found


def _credential(text: str, parts: int) -> Scope:
    credential = text.split("/")
    if len(credential) < parts:
        words = f"Credential must have exactly {parts} slash-delimited elements, e.g. keyid/date/region/service/term."
        raise Unsigned(words, incomplete=True)
    *_, service, terminator = credential
    if terminator != "aws4_request":
        raise Unsigned("Credential should be scoped with a valid terminator: 'aws4_request'.")
    return Scope(credential[1 - parts], service, credential[-3] if parts == 5 else "")


def _check_date(request: Request, found: Scope) -> None:
    """The date of the scope is that of the request (AWS compares it with ``x-amz-date``, or else ``Date``)."""
    moment = request.headers.get("x-amz-date")
    if moment is None:
        if "date" in request.headers:
            return
        words = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        raise Unsigned(words, incomplete=True)
    if not _MOMENT.fullmatch(moment):
        words = f"Date must be in ISO-8601 'basic format'. Got '{moment[:40]}'."
        raise Unsigned(words, incomplete=True)
    if found.date != moment[:8]:
        said = f"'{found.date[:40]}' != '{moment[:8]}', from '{moment}'."
        words = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
        raise Unsigned(f"{words} {said}")
