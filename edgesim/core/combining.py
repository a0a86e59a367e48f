"""Stored answers changed by later ones: parts put together, and what a HEAD answer says about a stored GET."""

from __future__ import annotations

from multidict import CIMultiDict

from edgesim.core.bodies import Body
from edgesim.core.messages import Headers, Response
from edgesim.core.ranges import Parts, parse_content_range
from edgesim.core.reasons import NotStored
from edgesim.core.store import Entry


def combined(made: Entry, known: Entry | None) -> Entry | NotStored:
    """A just received part, joined with the parts known of the same representation (RFC 9111 §3.4).

    Returns an entry for the whole object, of which some bytes may be missing.
    """
    place = parse_content_range(made.headers.get("Content-Range"))
    if place is None or place[2] is None or place[1] - place[0] + 1 != made.body.size:
        return NotStored.RANGE_UNUSABLE
    first, total = place[0], place[2]
    parts = Parts(total)
    if known is not None and same_representation(known.headers, made.headers) and known.total == total:
        if known.parts is None:
            return NotStored.RANGE_UNUSABLE if known.status != 200 else NotStored.ALREADY_WHOLE
        parts = known.parts
    parts.add(first, made.body.data)
    headers = CIMultiDict(made.headers)
    headers.popall("Content-Range", None)
    headers["Content-Length"] = str(total)
    made.headers, made.status, made.reason, made.total = headers, 200, "", total
    whole = parts.get((0, total - 1)) if parts.complete else None
    made.body, made.parts = Body(whole or b""), None if whole is not None else parts
    return made


def same_representation(one: Headers, other: Headers) -> bool:
    """Whether two answers are surely of the same bytes: equal strong ETags, or without any, equal Last-Modified."""
    tags = one.get("ETag"), other.get("ETag")
    if tags != (None, None):
        return tags[0] == tags[1] and tags[0] is not None and not tags[0].startswith("W/")
    changed = one.get("Last-Modified")
    return changed is not None and changed == other.get("Last-Modified")


def head_contradicts(stored: Entry, head: Response) -> bool:
    """True when a 200 to HEAD shows that the stored GET answer is another one (RFC 9111 §4.3.5)."""
    for name in ("ETag", "Last-Modified", "Content-Length"):
        said = head.headers.get(name)
        if said is not None and said != stored.headers.get(name):
            return True
    return False
