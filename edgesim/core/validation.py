"""Validators: asking the origin whether a stored answer holds, and answering a viewer who asks (RFC 9110 §13)."""

from __future__ import annotations

import re
from enum import Enum

from multidict import CIMultiDict

from edgesim.core.dates import parse_date
from edgesim.core.messages import Field, Headers, connection_options, listed

_ETAG = re.compile(r'\s*(?P<weak>W/)?"(?P<opaque>[^"\x00-\x20\x7f]*)"\s*(?:,|$)|\s*(?P<bare>[^,"]*?)\s*(?:,|$)')

KEPT_ON_304 = frozenset({"content-length", "content-encoding", "content-range", "transfer-encoding"})
"""Fields of a stored answer that a 304 never changes, as they describe the stored bytes (RFC 9111 §3.2)."""


class Precondition(Enum):
    """What a viewer's conditional request comes to."""

    SEND = "send the answer"
    NOT_MODIFIED = "the viewer's copy is still good"


def is_weak(etag: str) -> bool:
    """True for ``W/"x"``."""
    return etag.startswith("W/")


def opaque(etag: str) -> str:
    """The part of an entity tag that weak comparison looks at."""
    return etag[2:] if is_weak(etag) else etag


def weak_match(one: str, other: str) -> bool:
    """Weak comparison: equal opaque tags, weak or not (RFC 9110 §8.8.3.2)."""
    return opaque(one) == opaque(other)


def strong_match(one: str, other: str) -> bool:
    """Strong comparison: equal, and neither weak."""
    return one == other and not is_weak(one)


def parse_etags(value: str) -> list[str]:
    """The entity tags of If-None-Match in order. Unquoted ones, which some clients send, are kept as they are."""
    found: list[str] = []
    position = 0
    while position < len(value) and (match := _ETAG.match(value, position)) and match.end() > position:
        position = match.end()
        if match["opaque"] is not None:
            found.append(f'{match["weak"] or ""}"{match["opaque"]}"')
        elif match["bare"]:
            found.append(match["bare"])
    return found


def viewer_condition(request: Headers, response: Headers, received: float) -> Precondition:
    """Whether a viewer's If-None-Match or If-Modified-Since is met by the answer at hand (RFC 9111 §4.3.2).

    If-None-Match wins over If-Modified-Since. ``received`` (seconds) stands in for a missing Last-Modified.
    """
    asked = listed(request, "If-None-Match")
    if asked is not None:
        etag = response.get("ETag")
        if asked.strip() == "*":
            return Precondition.NOT_MODIFIED
        if etag is not None and any(weak_match(candidate, etag) for candidate in parse_etags(asked)):
            return Precondition.NOT_MODIFIED
        return Precondition.SEND
    since = parse_date(request.get("If-Modified-Since"))
    if since is None:
        return Precondition.SEND
    changed = parse_date(response.get("Last-Modified"))
    if changed is None:
        changed = parse_date(response.get("Date")) or received
    return Precondition.NOT_MODIFIED if changed <= since else Precondition.SEND


def is_conditional(headers: Headers) -> bool:
    """True when a request carries a condition that a cache with nothing stored has to pass on."""
    return any(
        name in headers
        for name in ("If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range")
    )


def if_range_holds(value: str | None, response: Headers) -> bool:
    """Whether a Range may be answered: no If-Range, or one that names exactly this answer (RFC 9110 §13.1.5)."""
    if value is None:
        return True
    value = value.strip()
    if value.startswith(('"', "W/")):
        return strong_match(value, response.get("ETag", ""))
    asked, changed = parse_date(value), parse_date(response.get("Last-Modified"))
    return asked is not None and asked == changed


def validators(headers: Headers) -> list[Field]:
    """The conditions to send for a stored answer: its ETag, its Last-Modified, or both (RFC 9111 §4.3.1; spec §2.2)."""
    found: list[Field] = []
    if (etag := headers.get("ETag")) is not None:
        found.append(("If-None-Match", etag))
    if (changed := headers.get("Last-Modified")) is not None:
        found.append(("If-Modified-Since", changed))
    return found


def merged(stored: Headers, fresh: Headers) -> CIMultiDict[str]:
    """The stored fields as a 304 (or HEAD answer) updates them (RFC 9111 §3.2)."""
    skipped = KEPT_ON_304 | connection_options(fresh)
    updates = [(name, value) for name, value in fresh.items() if name.lower() not in skipped]
    replaced = {name.lower() for name, _ in updates}
    result = CIMultiDict([(name, value) for name, value in stored.items() if name.lower() not in replaced])
    result.extend(updates)
    etag = stored.get("ETag")
    if etag is not None and is_weak(etag) and weak_match(etag, result.get("ETag", "")):
        result["ETag"] = etag  # a copy compressed here stays weak, whatever the origin calls the plain one
    return result
