"""Which viewer headers, cookies and query parameters a policy takes (spec §3.1 to §3.3)."""

from __future__ import annotations

import re
from functools import lru_cache

from edgesim.core.messages import Headers
from edgesim.core.policies import Pick, Take

Pair = tuple[str, str]

CLOUDFRONT_PREFIX = "cloudfront-"

SESSION_COOKIE = "CloudFront-CD-Session"
"""The edge's own cookie of sticky sessions (``continuous.py``); it is in no key and goes to no origin."""


def query_pairs(query: str | None) -> list[str]:
    """The ``name=value`` pieces of a query string, in order, as the viewer wrote them. Only ``&`` separates."""
    return query.split("&") if query else []


def pick_query(pick: Pick, query: str | None) -> str:
    """The query string a policy takes, in the viewer's order; "" when nothing is left."""
    if query is None or pick.take is Take.NONE:
        return ""
    if pick.take is Take.ALL:
        return query
    wanted = pick.take is Take.LISTED
    names = pick.names
    return "&".join(piece for piece in query_pairs(query) if (piece.partition("=")[0] in names) is wanted)


def cookie_pairs(headers: Headers) -> list[Pair]:
    """The viewer's cookies sorted by name (spec §3.1).

    Names with ``$`` in front, pieces without ``=`` and the edge's own cookie are dropped.
    """
    found = []
    for line in headers.getall("Cookie", ()):
        for piece in line.split(";"):
            name, equals, value = piece.strip().partition("=")
            if equals and name and not name.startswith("$") and name != SESSION_COOKIE:
                found.append((name, value))
    return sorted(found, key=lambda pair: pair[0])


def pick_cookies(pick: Pick, headers: Headers) -> list[Pair]:
    """The cookies a policy takes, sorted by name."""
    if pick.take is Take.NONE or "Cookie" not in headers:
        return []
    pairs = cookie_pairs(headers)
    if pick.take is Take.ALL:
        return pairs
    wanted = pick.take is Take.LISTED
    return [pair for pair in pairs if _named(pick, pair[0]) is wanted]


def _named(pick: Pick, name: str) -> bool:
    if not pick.wildcards:
        return name in pick.names
    return any(_wildcard(pattern).fullmatch(name) for pattern in pick.names)


@lru_cache(maxsize=512)
def _wildcard(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern), re.DOTALL)


@lru_cache(maxsize=512)
def lowered(names: tuple[str, ...]) -> frozenset[str]:
    """Header names folded for comparison."""
    return frozenset(name.lower() for name in names)
