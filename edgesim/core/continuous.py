"""Continuous deployment: which of a primary distribution and its staging one answers a request (spec §9.4).

A policy sends to staging either the requests with one header, or a share of all. A share may be sticky: a cookie keeps
a viewer on one side until his session has been idle for too long, or has lasted for too long, on the simulated clock.
The cookie's name and form are edgesim's own: CloudFront documents neither.
"""

from __future__ import annotations

import hashlib
import re

from edgesim.core.behaviors import Continuous, Distribution
from edgesim.core.messages import Headers
from edgesim.core.reasons import Reason
from edgesim.core.selection import SESSION_COOKIE
from edgesim.core.values import record

_VALUE = re.compile(r"([ps])\.(\d{1,12})\.(\d{1,12})\.([0-9a-f]{8})", re.ASCII)


class Deployment(Reason):
    """Why a request went to the primary distribution or to the staging one."""

    HEADER = ("header", "The request has the policy's header: staging.", "spec §9.4")
    OTHER_HEADER = ("other-header", "The request does not have the policy's header: primary.", "spec §9.4")
    WEIGHT = ("weight", "The request is of the share that goes to staging.", "spec §9.4")
    OTHER_WEIGHT = ("other-weight", "The request is of the share that goes to the primary.", "spec §9.4")
    SESSION = ("session", "The viewer's session is on staging.", "spec §9.4")
    OTHER_SESSION = ("other-session", "The viewer's session is on the primary.", "spec §9.4")
    OFF = ("off", "The continuous deployment policy is off: primary.", "spec §9.4")
    NO_STAGING = ("no-staging", "This edge has no enabled staging distribution: primary.", "edgesim")
    HTTP_3 = ("http-3", "Continuous deployment does not go with HTTP/3: primary.", "spec §9.4")


TO_STAGING = frozenset({Deployment.HEADER, Deployment.WEIGHT, Deployment.SESSION})


@record(frozen=True, slots=True)
class Chosen:
    """The distribution that answers, why, and the Set-Cookie value that keeps the session there ("" for none)."""

    distribution: Distribution
    reason: Deployment
    cookie: str = ""


def choose(
    primary: Distribution, staging: Distribution | None, headers: Headers, request_id: str, now: float
) -> Chosen | None:
    """Choose for one request; ``None`` where the primary has no policy.

    ``staging`` is the distribution the policy names, as the edge knows it; ``now`` is simulated seconds. Chance is a
    hash of the request's id, so that the same id always goes the same way.
    """
    policy = primary.continuous
    if policy is None:
        return None
    if policy.header is None and policy.weight is None:
        return Chosen(primary, Deployment.OFF)
    if primary.http3:
        return Chosen(primary, Deployment.HTTP_3)
    if staging is None or not staging.enabled:
        return Chosen(primary, Deployment.NO_STAGING)
    if policy.header is not None:
        name, value = policy.header
        reason = Deployment.HEADER if value in headers.getall(name, ()) else Deployment.OTHER_HEADER
        return Chosen(staging if reason in TO_STAGING else primary, reason)
    reason, cookie = _by_weight(policy, headers, request_id, int(now))
    return Chosen(staging if reason in TO_STAGING else primary, reason, cookie)


def _by_weight(policy: Continuous, headers: Headers, request_id: str, now: int) -> tuple[Deployment, str]:
    fresh = _share(policy.policy, request_id) < (policy.weight or 0.0)
    reason = Deployment.WEIGHT if fresh else Deployment.OTHER_WEIGHT
    if policy.idle_ttl is None:
        return reason, ""
    mark, start = _mark(policy), now
    known = _session(headers)
    if known is not None and known[3] == mark:
        side, began, seen, _ = known
        lasting = policy.max_ttl is None or now - began < policy.max_ttl
        if began <= seen <= now and now - seen < policy.idle_ttl and lasting:
            reason = Deployment.SESSION if side == "s" else Deployment.OTHER_SESSION
            start = began
    side = "s" if reason in TO_STAGING else "p"
    return reason, f"{SESSION_COOKIE}={side}.{start}.{now}.{mark}; Path=/; HttpOnly"


def _session(headers: Headers) -> tuple[str, int, int, str] | None:
    """Side, first and last second, and mark of the session that the viewer's cookie names."""
    for line in headers.getall("Cookie", ()):
        for piece in line.split(";"):
            name, _, value = piece.strip().partition("=")
            if name == SESSION_COOKIE and (found := _VALUE.fullmatch(value)):
                return found[1], int(found[2]), int(found[3]), found[4]
    return None


def _mark(policy: Continuous) -> str:
    """What a session belongs to: with another policy or other times of stickiness, sessions begin anew."""
    text = f"{policy.policy} {policy.staging} {policy.idle_ttl} {policy.max_ttl}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _share(policy: str, request_id: str) -> float:
    """A number from 0 to 1, below 1, evenly spread over request ids."""
    return int.from_bytes(hashlib.sha256(f"{policy} {request_id}".encode()).digest()[:4], "big") / 2**32
