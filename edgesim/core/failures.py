"""The ways an origin can fail a fetch: what the driver saw, named, so that the core can decide what follows.

Source: CloudFront guide, HTTP 502/503/504 pages (spec §5.5, §6.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class FailureKind(Enum):
    """What went wrong between an edge (or tier) and its origin."""

    DNS = "the origin's name did not resolve"
    REFUSED = "the origin refused the connection"
    RESET = "the origin closed or reset the connection before a complete answer"
    CONNECT_TIMEOUT = "no connection to the origin within the connection timeout"
    READ_TIMEOUT = "the origin sent nothing within the response timeout"
    COMPLETION_TIMEOUT = "the origin did not complete its answer within the response completion timeout"
    TLS_UNTRUSTED = "the origin's certificate chain does not end at a trusted authority"
    TLS_NAME = "the origin's certificate does not name the host that was asked for"
    TLS_EXPIRED = "the origin's certificate is expired or not yet valid"
    TLS_HANDSHAKE = "the TLS handshake with the origin failed"
    INVALID_RESPONSE = "the origin's answer is not valid HTTP"
    HEAD_TOO_BIG = "the origin's response headers are larger than 32,768 bytes"
    TRUNCATED = "the origin's body ended before its announced length"
    TOO_LARGE = "the origin announced an object larger than the cacheable limit"

    @property
    def status(self) -> int:
        """The status a viewer gets when nothing better can be served: 502, or 504 for timeouts."""
        return 504 if self in _TIMEOUTS else 502

    @property
    def timed_out(self) -> bool:
        """True for the kinds an origin group counts as 504; the others count as a failed connection (503)."""
        return self in _TIMEOUTS


_TIMEOUTS = frozenset({FailureKind.CONNECT_TIMEOUT, FailureKind.READ_TIMEOUT, FailureKind.COMPLETION_TIMEOUT})


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt: its kind and a detail for people, such as the certificate's own dates or OpenSSL's words."""

    kind: FailureKind
    detail: str = ""
