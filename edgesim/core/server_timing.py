"""Server-Timing: what the edge did and how long it took, where a response headers policy asks for it (spec §1.9)."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.core.cache import Tier
from edgesim.core.messages import Headers, listed, tokens
from edgesim.core.policies import ResponseHeadersPolicy
from edgesim.core.reasons import Outcome


@dataclass(frozen=True, slots=True)
class Timing:
    """The facts the metrics are made of. Durations are milliseconds.

    ``hit_layer`` is the tier whose cache had the answer, ``upstream_layer`` the one that asked the origin.
    """

    outcome: Outcome
    pop: str
    request_id: str
    hit_layer: Tier | None
    upstream_layer: Tier | None
    dns_ms: float = 0.0
    connect_ms: float = 0.0
    first_byte_ms: float = 0.0
    downstream_ms: float = 0.0


def wanted(policy: ResponseHeadersPolicy | None, request: Headers, unit: float) -> bool:
    """Whether this response gets the header. ``unit`` is a random number below 1; Pragma forces it (spec §1.9)."""
    if policy is None or policy.server_timing is None:
        return False
    return "server-timing" in tokens(listed(request, "Pragma")) or unit * 100 < policy.server_timing


def server_timing(timing: Timing) -> str:
    """The value, members joined by a bare comma as CloudFront does."""
    parts: list[str] = []
    kind = _KINDS.get(timing.outcome, "cdn-cache-miss")
    named = [f'cdn-pop;desc="{timing.pop}"', f'cdn-rid;desc="{timing.request_id}"']
    if timing.hit_layer is not None and timing.upstream_layer is None:
        parts += [kind, *named, f'cdn-hit-layer;desc="{timing.hit_layer.layer}"']
    else:
        if timing.upstream_layer is not None:
            parts += [
                f'cdn-upstream-layer;desc="{timing.upstream_layer.layer}"',
                f"cdn-upstream-dns;dur={timing.dns_ms:.0f}",
                f"cdn-upstream-connect;dur={timing.connect_ms:.0f}",
                f"cdn-upstream-fbl;dur={timing.first_byte_ms:.0f}",
            ]
        parts += [kind, *named]
    parts.append(f"cdn-downstream-fbl;dur={timing.downstream_ms:.0f}")
    return ",".join(parts)


_KINDS = {Outcome.HIT: "cdn-cache-hit", Outcome.REFRESH_HIT: "cdn-cache-refresh"}
