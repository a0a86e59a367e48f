"""Verdicts for these tests, made by hand."""

from __future__ import annotations

from typing import Any

from multidict import CIMultiDict

from edgesim.core.cache import Tier
from edgesim.core.messages import Request
from edgesim.core.reasons import Outcome
from edgesim.core.verdict import Leg, OriginTrip, Verdict, Visitor

NOON = 1_772_366_400.0
"""2026-03-01T12:00:00Z"""


def request(target: str = "/", method: str = "GET", scheme: str = "http", **headers: str) -> Request:
    fields = CIMultiDict({"Host": "www.harbour.test"})
    fields.extend({name.replace("_", "-"): value for name, value in headers.items()})
    return Request(method, target, fields, scheme=scheme)


def verdict(outcome: Outcome = Outcome.HIT, **more: Any) -> Verdict:
    facts: dict[str, Any] = {
        "id": "SOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==",
        "at": NOON,
        "tier": Tier.EDGE,
        "node": "LHR61-C2",
        "request": request(),
        "status": 200,
        "outcome": outcome,
        "distribution": "E1",
        "domain": "d111111abcdef8.cloudfront.net",
        "visitor": Visitor("192.0.2.10", 46532, "London", "GB", "HEADER"),
        "bytes_in": 23,
        "bytes_out": 392,
        "first_byte_ms": 1.2,
        "total_ms": 1.6,
        "legs": (Leg("London", "LHR61-C2", 5.0),),
    }
    return Verdict(**{**facts, **more})


def from_origin(**more: Any) -> Verdict:
    return verdict(Outcome.MISS, origin=OriginTrip("site", status=200), **more)
