"""The stages a request passes at an edge before any cache is asked (spec §1.2, stages 3 to 12)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgesim.core.behaviors import ALL_METHODS, Distribution, Match, ViewerProtocol, match_behavior
from edgesim.core.messages import Request, without_port
from edgesim.core.reasons import Rejection
from edgesim.core.signed import check
from edgesim.core.values import record

LONGEST_URL = 8_192
LARGEST_UPLOAD = 64 * 1024**3
"""Bytes of request body CloudFront takes (spec §4.3)."""

_ROOT_OBJECT = re.compile(r"[A-Za-z0-9_\-.*$/~\"'&]{1,255}")


@record(frozen=True, slots=True)
class Admitted:
    """The request goes on, to this behaviour. ``path`` is the raw path after default-root substitution."""

    match: Match
    path: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The request ends here with ``status``; ``location`` is set on redirects, ``detail`` is for ``explain``."""

    rejection: Rejection
    status: int
    match: Match | None = None
    location: str = ""
    detail: str = ""


def admit(request: Request, distribution: Distribution, country: str, now: float) -> Admitted | Rejected:
    """Take a request through the stages at simulated time ``now``.

    ``country`` is the viewer's ISO code, "" when unknown (served, spec §9.1).
    """
    refused = turned_away(distribution, country)
    if refused is not None:
        return refused
    if len(request.target) > LONGEST_URL:
        return Rejected(Rejection.URL_TOO_LONG, 414)
    path = matched = request.path
    if path == "/" and distribution.default_root_object:
        if not _ROOT_OBJECT.fullmatch(distribution.default_root_object):
            return Rejected(Rejection.BAD_ROOT_OBJECT, 400)
        path = "/" + distribution.default_root_object
        matched = path if distribution.behaviors[-1].profile.root_object_matches_first else matched
    match = match_behavior(distribution, matched)
    if _announced(request) > LARGEST_UPLOAD:
        return Rejected(Rejection.BODY_TOO_LARGE, 413, match)
    refused = _by_protocol(request, match) or _by_method(request, match)
    if refused is None and match.behavior.trusted_keys is not None:
        refused = _by_signature(request, match, now)
    return refused or Admitted(match, path)


def turned_away(distribution: Distribution, country: str) -> Rejected | None:
    """Stages 5 and 6: a disabled distribution refuses everybody, geo restriction some."""
    if not distribution.enabled:
        return Rejected(Rejection.DISABLED, 403)
    if _geo_blocked(distribution, country):
        return Rejected(Rejection.GEO_BLOCKED, 403)
    return None


def _announced(request: Request) -> int:
    value = request.headers.get("Content-Length", "0")
    return int(value) if value.isascii() and value.isdigit() else 0


def _geo_blocked(distribution: Distribution, country: str) -> bool:
    if not country:
        return False
    if distribution.geo_allow is not None:
        return country not in distribution.geo_allow
    return country in distribution.geo_block


def _by_protocol(request: Request, match: Match) -> Rejected | None:
    policy = match.behavior.viewer_protocol
    if request.scheme != "http" or policy is ViewerProtocol.ALLOW_ALL:
        return None
    if policy is ViewerProtocol.HTTPS_ONLY:
        return Rejected(Rejection.HTTPS_ONLY, 403, match)
    host = without_port(request.headers.get("Host", ""))
    location = f"https://{host}{request.target}"
    if request.method in ("GET", "HEAD"):
        return Rejected(Rejection.REDIRECT_TO_HTTPS, 301, match, location)
    if request.version < (1, 1):
        return Rejected(Rejection.REDIRECT_IMPOSSIBLE, 403, match)
    return Rejected(Rejection.REDIRECT_TO_HTTPS, 307, match, location)


def _by_signature(request: Request, match: Match, now: float) -> Rejected | None:
    refused = check(request, match.behavior.trusted_keys or (), now)
    return None if refused is None else Rejected(refused.rejection, 403, match, detail=refused.detail)


def _by_method(request: Request, match: Match) -> Rejected | None:
    behavior = match.behavior
    if behavior.profile.any_method:
        return None
    if request.method not in behavior.allowed_methods:
        status = 403 if request.method in ALL_METHODS else behavior.profile.unknown_method_status
        return Rejected(Rejection.METHOD_NOT_ALLOWED, status, match)
    if request.method == "GET" and request.has_body:
        return Rejected(Rejection.BODY_ON_GET, 403, match)
    return None
