"""How long an answer stays fresh, and how old it already is (RFC 9111 §4.2; spec §2.1, §5.2).

Times are seconds on the simulated clock. ``skew`` is what to add to an origin's own dates to bring them onto that
clock: 0 unless the clock was moved and the origin still lives in real time.
"""

from __future__ import annotations

from functools import lru_cache

from edgesim.core.dates import parse_date
from edgesim.core.directives import LONGEST, Directives, parse_cache_control, parse_targeted
from edgesim.core.messages import Headers, Response, listed
from edgesim.core.policies import Ttls
from edgesim.core.profiles import Profile
from edgesim.core.reasons import LifetimeRule
from edgesim.core.values import record

HEURISTIC_STATUSES = frozenset({200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501})
"""Statuses that may get a heuristic lifetime (RFC 9110 §15.1)."""


@record(frozen=True, slots=True)
class Lifetime:
    """A freshness lifetime in seconds, the rule that gave it, and what the origin itself asked for."""

    seconds: float
    rule: LifetimeRule
    asked: float | None = None


@record(frozen=True, slots=True)
class Controls:
    """What controls caching in one answer: the directives in force and the field they came from."""

    directives: Directives
    field: str = "Cache-Control"

    @property
    def targeted(self) -> bool:
        """True when a targeted field replaced Cache-Control (and Expires with it)."""
        return self.field != "Cache-Control"


def controls_of(headers: Headers, profile: Profile) -> Controls:
    """The directives in force: those of the first valid targeted field, else Cache-Control's (RFC 9213 §2.2)."""
    for name in profile.targeted_fields:
        targeted = parse_targeted(listed(headers, name))
        if targeted is not None:
            return Controls(targeted, name)
    return Controls(parse_cache_control(listed(headers, "Cache-Control"), profile.strict_directives))


def explicit_lifetime(
    controls: Controls, headers: Headers, base: float, skew: float, invalid_is_stale: bool = True
) -> Lifetime | None:
    """The lifetime the origin asks for; ``None`` when it asks for none. ``base`` is what Expires is measured from."""
    directives = controls.directives
    for name, rule in (("s-maxage", LifetimeRule.S_MAXAGE), ("max-age", LifetimeRule.MAX_AGE)):
        seconds = directives.seconds(name)
        if seconds is not None:
            return Lifetime(seconds, LifetimeRule.TARGETED if controls.targeted else rule, seconds)
    if controls.targeted or "Expires" not in headers:
        return None
    expires = parse_date(listed(headers, "Expires"), year_of(base))
    if expires is None and not invalid_is_stale:
        return None
    left = 0.0 if expires is None else max(0.0, expires + skew - base)
    return Lifetime(left, LifetimeRule.EXPIRES, left)


def policy_lifetime(
    profile: Profile, ttls: Ttls, controls: Controls, headers: Headers, now: float, skew: float
) -> Lifetime | None:
    """CloudFront's lifetime of a non-error answer (spec §2.1's table); ``None`` when it must not be cached."""
    if ttls.disabled:
        return None
    directives = controls.directives
    if "no-store" in directives or directives.bare("no-cache") or directives.bare("private"):
        if not ttls.minimum:
            return None
        if profile.min_ttl_beats_max_age:
            return Lifetime(ttls.minimum, LifetimeRule.MIN_TTL)
    asked = explicit_lifetime(controls, headers, now, skew, profile.invalid_expires_is_stale)
    if asked is None:
        if ttls.minimum > ttls.default:
            return Lifetime(ttls.minimum, LifetimeRule.MIN_TTL)
        return Lifetime(ttls.default, LifetimeRule.DEFAULT_TTL)
    if asked.seconds > ttls.maximum:
        return Lifetime(ttls.maximum, LifetimeRule.MAX_TTL, asked.seconds)
    if asked.seconds < ttls.minimum:
        return Lifetime(ttls.minimum, LifetimeRule.MIN_TTL, asked.seconds)
    return asked


def standard_lifetime(profile: Profile, controls: Controls, response: Response, now: float, skew: float) -> Lifetime:
    """RFC 9111's lifetime: what the origin asks for, else a heuristic one where that is allowed, else none."""
    headers = response.headers
    date = parse_date(listed(headers, "Date"), year_of(now))
    base = now if date is None else date + skew
    asked = explicit_lifetime(controls, headers, base, skew)
    if asked is not None:
        return asked
    changed = parse_date(headers.get("Last-Modified"), year_of(now))
    allowed = response.status in HEURISTIC_STATUSES or "public" in controls.directives
    if allowed and changed is not None and profile.heuristic_fraction:
        seconds = max(0.0, base - (changed + skew)) * profile.heuristic_fraction
        return Lifetime(float(int(seconds)), LifetimeRule.HEURISTIC)
    return Lifetime(0, LifetimeRule.NONE)


def error_lifetime(
    minimum: int, maximum: int, controls: Controls, headers: Headers, now: float, skew: float
) -> Lifetime:
    """How long an error is kept: the error caching minimum TTL, or the origin's lifetime if longer (spec §5.2)."""
    asked = explicit_lifetime(controls, headers, now, skew)
    capped = min(asked.seconds, maximum) if asked is not None else 0
    if asked is None or capped <= minimum:
        return Lifetime(minimum, LifetimeRule.ERROR_MIN_TTL, None if asked is None else asked.seconds)
    return Lifetime(capped, asked.rule if capped == asked.seconds else LifetimeRule.MAX_TTL, asked.seconds)


def age_value(headers: Headers) -> int:
    """The Age field in seconds: its first member if that is a number, else 0 (RFC 9111 §5.1)."""
    text = headers.get("Age")
    if text is None:
        return 0
    first = text.partition(",")[0].strip()
    return min(int(first[:16]), LONGEST) if first.isascii() and first.isdigit() else 0


def initial_age(profile: Profile, headers: Headers, asked_at: float, now: float, skew: float) -> float:
    """How old an answer already was when it arrived, seconds (RFC 9111 §4.2.3).

    CloudFront trusts its own clock over Date, so there only an Age field counts (spec §2.1).
    """
    if profile.policy_ttls:
        return float(age_value(headers)) if profile.counts_origin_age else 0.0
    date = parse_date(listed(headers, "Date"), year_of(now))
    apparent = 0.0 if date is None else max(0.0, now - (date + skew))
    corrected = age_value(headers) + (now - asked_at)
    return max(apparent if apparent >= 1.0 else 0.0, corrected if corrected >= 1.0 else 0.0)


@lru_cache(maxsize=16)
def _year(days: int) -> int:
    return 1970 + int(days / 365.2425)


def year_of(now: float) -> int:
    """The year of a time in seconds, near enough to settle the century of a two-digit year."""
    return _year(int(now // 86_400))
