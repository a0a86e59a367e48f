"""Vary as a secondary key (RFC 9111 §4.1): which request headers chose this answer, and with what values."""

from __future__ import annotations

from edgesim.core.messages import Headers, listed, tokens

_SETS = frozenset({"accept", "accept-charset", "accept-encoding", "accept-language"})
"""Fields whose members may be reordered and folded without changing their meaning (RFC 9110 §12.5)."""

Selecting = tuple[tuple[str, str | None], ...]


def selecting_names(response: Headers) -> tuple[str, ...]:
    """The lower-case field names of Vary, sorted, once each."""
    return tuple(sorted(set(tokens(listed(response, "Vary")))))


def selecting(names: tuple[str, ...], request: Headers) -> Selecting:
    """The values a request has for the selecting fields, brought into one form each."""
    return tuple((name, _normal(name, listed(request, name))) for name in names)


def _normal(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    members = [" ".join(part.split()) for part in value.split(",")]
    if name in _SETS:
        members = sorted(member.lower().replace("; ", ";").replace(" ;", ";") for member in members if member)
    return ",".join(members)
