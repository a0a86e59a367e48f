"""The record of one request at one cache: everything that the headers, the log, the bill and ``explain`` are views of.

Times are simulated seconds since the epoch, durations milliseconds, sizes bytes.
"""

from __future__ import annotations

from dataclasses import field

from edgesim.core.cache import Tier
from edgesim.core.continuous import Deployment
from edgesim.core.failures import Failure
from edgesim.core.messages import Request, Response
from edgesim.core.reasons import (
    UNSIGNED,
    Forwarded,
    NotCompressed,
    NotJoined,
    NotStale,
    NotStored,
    Outcome,
    Rejection,
    Stale,
)
from edgesim.core.reuse import Freshness
from edgesim.core.routing import Choice
from edgesim.core.values import record


@record(frozen=True, slots=True)
class Leg:
    """One stretch of the way: from where to where, and its modelled round trip in milliseconds."""

    start: str
    end: str
    ms: float


@record(frozen=True, slots=True)
class OriginTrip:
    """One visit to an origin: which, what it answered, and its times in milliseconds."""

    origin: str
    address: str = ""
    status: int = 0
    connect_ms: float = 0.0
    dns_ms: float = 0.0
    first_byte_ms: float = 0.0
    reused: bool = False
    attempts: int = 1
    sent: tuple[tuple[str, str], ...] = ()
    target: str = ""
    failover: str = ""


@record(frozen=True, slots=True)
class Visitor:
    """Who asked: address, place and how it was found, and the edges that could have answered."""

    address: str = ""
    port: int = 0
    place: str = ""
    country: str = ""
    source: str = ""
    note: str = ""
    choice: Choice | None = None


@record(frozen=True, slots=True)
class Verdict:
    """What one cache did with one request, and why."""

    id: str
    at: float
    tier: Tier
    node: str
    request: Request
    status: int
    outcome: Outcome
    distribution: str = ""
    domain: str = ""
    behavior: str = ""
    passed_over: tuple[str, ...] = ()
    profile: str = ""
    visitor: Visitor = field(default_factory=Visitor)
    rejection: Rejection | None = None
    detail: str = ""
    key: str = ""
    forwarded: Forwarded | None = None
    stored: bool = False
    not_stored: NotStored | None = None
    joined: str | None = None
    not_joined: NotJoined | None = None
    stale: Stale | None = None
    not_stale: NotStale | None = None
    freshness: Freshness | None = None
    validated: bool = False
    encoding: str = ""
    not_compressed: NotCompressed | None = None
    failure: Failure | None = None
    origin: OriginTrip | None = None
    legs: tuple[Leg, ...] = ()
    bytes_in: int = 0
    bytes_out: int = 0
    first_byte_ms: float = 0.0
    total_ms: float = 0.0
    complete: bool = True
    upstream: Verdict | None = None
    tls: tuple[str, str] = ("", "")
    """Protocol and cipher of the viewer's TLS, empty without."""
    content_type: str = ""
    content_length: int | None = None
    content_range: str = ""
    evicted: int = 0
    background: bool = False
    response: Response | None = None
    """The answer the decisions were about, as stored or as it came; for comparing profiles."""
    age: float = 0.0
    """How old that answer was, seconds."""
    replaced_status: int = 0
    """The status that a custom error page hides, 0 without one."""
    deployment: Deployment | None = None
    """Why this distribution, where the one asked for has a continuous deployment policy."""
    primary: str = ""
    """With such a policy, the id of the distribution asked for: the log's primary-distribution-id (spec §12.3)."""
    primary_domain: str = ""
    """Its domain: the log's primary-distribution-dns-name."""
    logged: bool = True
    """Whether the access log has a row of it."""
    cookies_logged: bool = False
    """Whether that row has the viewer's cookies."""

    @property
    def result_type(self) -> str:
        """CloudFront's x-edge-result-type: Error when the viewer left before the end (spec §12.1)."""
        return self.outcome.value if self.complete else Outcome.ERROR.value

    @property
    def detailed_type(self) -> str:
        """CloudFront's x-edge-detailed-result-type (spec §12.1)."""
        if self.outcome is Outcome.HIT and self.served_by_shield:
            return "OriginShieldHit"
        if self.rejection is not None:
            return "Error" if self.rejection in UNSIGNED else self.rejection.slug
        if not self.complete:
            return "ClientCommError"
        failure = self.root_failure
        if self.outcome is Outcome.ERROR and failure is not None:
            return _DETAILED.get(failure.kind.name, "OriginCommError")
        return self.outcome.value

    @property
    def served_by_shield(self) -> bool:
        """True when an Origin Shield's cache had the answer."""
        up = self.upstream
        while up is not None:
            if up.tier is Tier.SHIELD:
                return up.forwarded is None and up.outcome is Outcome.HIT
            up = up.upstream
        return False

    @property
    def root_failure(self) -> Failure | None:
        """The failure at the far end, whichever tier met it."""
        at: Verdict | None = self
        while at is not None:
            if at.failure is not None:
                return at.failure
            at = at.upstream
        return None

    def trail(self) -> list[Verdict]:
        """This verdict and those of the tiers behind it, nearest the viewer first."""
        found: list[Verdict] = []
        at: Verdict | None = self
        while at is not None:
            found.append(at)
            at = at.upstream
        return found


_DETAILED = {
    "DNS": "OriginDnsError",
    "REFUSED": "OriginConnectError",
    "RESET": "OriginConnectError",
    "CONNECT_TIMEOUT": "OriginCommError",
    "READ_TIMEOUT": "OriginCommError",
    "COMPLETION_TIMEOUT": "OriginCommError",
    "TLS_UNTRUSTED": "OriginConnectError",
    "TLS_NAME": "OriginConnectError",
    "TLS_EXPIRED": "OriginConnectError",
    "TLS_HANDSHAKE": "OriginConnectError",
    "INVALID_RESPONSE": "OriginInvalidResponseError",
    "HEAD_TOO_BIG": "OriginHeaderTooBigError",
    "TRUNCATED": "OriginReadError",
    "TOO_LARGE": "OriginError",
}
"""Failure kinds in the log's words (spec §5.5)."""
