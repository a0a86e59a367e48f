"""Cache-Status: what each cache on the way did, in the standard's own words (RFC 9211)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edgesim.core.exchange import Exchange
from edgesim.core.reasons import Reason, Rejection

_TOKEN = re.compile(r"[A-Za-z*][A-Za-z0-9:/!#$%&'*+\-.^_`|~]*")


def exchange_member(exchange: Exchange, node: str, answered: int, ttl: float | None) -> str:
    """The member of one cache. ``answered`` is the status that came from above, 0 when nothing was asked."""
    parts = [node]
    if exchange.asked_upstream:
        parts.append(f"fwd={exchange.forwarded.slug if exchange.forwarded is not None else 'miss'}")
        if answered:
            parts.append(f"fwd-status={answered}")
        if exchange.storing:
            parts.append("stored")
        if exchange.joined is not None or exchange.waited:
            parts.append("collapsed=?0")
    elif exchange.joined is not None and exchange.forwarded is not None:
        parts += [f"fwd={exchange.forwarded.slug}", "collapsed"]  # another's fetch brought it (RFC 9211 §2.2, §2.6)
    elif exchange.forwarded is None or exchange.stale is not None:
        parts.append("hit")
    if ttl is not None:
        parts.append(f"ttl={int(ttl // 1)}")
    return _detailed(parts, exchange.stale or (exchange.not_stored if exchange.asked_upstream else None))


def rejected_member(node: str, rejection: Rejection) -> str:
    """The member of an edge that answered by itself."""
    return _detailed([node], rejection)


def joined_members(before: str | None, members: Iterable[str]) -> str:
    """The whole field: what the origin side said, then each tier, the one nearest the viewer last (RFC 9211 §2)."""
    return ", ".join([before, *members] if before else members)


def _detailed(parts: list[str], reason: Reason | None) -> str:
    if reason is not None:
        slug = reason.slug
        parts.append(f"detail={slug}" if _TOKEN.fullmatch(slug) else f'detail="{slug}"')
    return "; ".join(parts)
