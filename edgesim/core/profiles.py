"""The two kinds of cache an edge can be, as data (ARCHITECTURE rule 11): every difference is one named switch here.

``CLOUDFRONT`` follows the CloudFront guide with its quirks, ``RFC9111`` a strict standard shared cache. The code in
the core reads the switches and never the profile's name.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.core.failures import FailureKind


@dataclass(frozen=True, slots=True)
class Profile:
    """What kind of cache this is. Each switch names the section of the CloudFront spec or the RFC it comes from."""

    name: str
    policy_ttls: bool
    """Minimum, default and maximum TTL decide lifetimes (spec §2.1), not only the origin's words (RFC 9111 §4.2)."""
    strict_directives: bool
    """An unreadable lifetime means stale (RFC 9111 §4.2.1); otherwise the directive is ignored (spec §2.1 [sim])."""
    targeted_fields: tuple[str, ...]
    """Targeted fields in order of preference; the first valid one replaces Cache-Control (RFC 9213)."""
    vary_selects: bool
    """Vary picks among stored variants (RFC 9111 §4.1); otherwise it never is part of the key (spec §1.7)."""
    authorization_guards: bool
    """A request with Authorization keeps its answer out of the store unless the origin allows it (RFC 9111 §3.5)."""
    request_directives: bool
    """The viewer's own Cache-Control is honoured (RFC 9111 §5.2.1); CloudFront ignores it (spec §1.3)."""
    error_caching: bool
    """Errors are cached by the error-caching rules (spec §5.1, §5.2) and not by the ordinary ones."""
    stale_on_error_by_default: bool
    """A stale copy answers for a failing origin without any stale-if-error (spec §2.5)."""
    unsafe_invalidates: bool
    """A successful unsafe request drops the stored answers of its URI (RFC 9111 §4.4)."""
    head_updates: bool
    """A HEAD answer freshens or invalidates the stored GET answer (RFC 9111 §4.3.5)."""
    any_method: bool
    """Any method token is relayed; otherwise CloudFront's seven, by the behaviour's allowed set (spec §3.9)."""
    transparent: bool
    """Everything the viewer sent is forwarded, conditions and ranges too; otherwise policies choose (spec §1.3)."""
    cookies_disable_validation: bool
    """A behaviour that forwards cookies refetches whole instead of revalidating (spec §2.2)."""
    field_names_strip: bool
    """``no-cache="X"`` and ``private="X"`` keep field X out of the store (RFC 9111 §3.1; spec §3.6 for Set-Cookie)."""
    must_revalidate_forbids_stale: bool = True
    """must-revalidate and proxy-revalidate forbid any stale answer (RFC 9111 §5.2.2.2; spec §2.5 [sim])."""
    vary_star_refetches: bool = False
    """``Vary: *`` with minimum TTL 0 is stored but always fetched again without validators (spec §1.7)."""
    stale_when_disconnected: bool = False
    """A stale copy serves when the origin cannot be reached at all, unless that is forbidden (RFC 9111 §4.2.4)."""
    heuristic_fraction: float = 0.0
    """Share of (Date - Last-Modified) taken as lifetime where the origin names none (RFC 9111 §4.2.2); 0 is never."""
    stale_outcome: str = "Hit"
    """What X-Cache says of a stale answer: Hit, RefreshHit or Error (spec §2.3, §2.5, §16)."""
    no_cache_stores: bool = False
    """Bare no-cache and private with minimum TTL 0 are stored and validated each time (spec §2.1 [sim])."""
    min_ttl_beats_max_age: bool = True
    """With no-store, no-cache or private, a minimum TTL above 0 wins over max-age as well (spec §2.1 [sim])."""
    invalid_expires_is_stale: bool = True
    """An Expires that is no date means already expired; otherwise it is ignored (spec §2.1 [sim])."""
    counts_origin_age: bool = True
    """An Age from the origin shortens the freshness that is left (spec §2.1, §16)."""
    head_miss_gets: bool = False
    """A HEAD that misses fetches the whole object by GET and keeps it; otherwise a HEAD goes up (spec §3.1 [sim])."""
    forwards_conditions: bool = False
    """With nothing stored, the viewer's own conditions go to the origin under a cache policy too (spec §2.2 [sim])."""
    q_zero_accepts: bool = False
    """``gzip;q=0`` counts as accepting gzip (spec §3.4 [sim])."""
    normalised_path_in_key: bool = False
    """The normalised path is in the cache key, not the raw one (spec §7.10 [sim])."""
    root_object_matches_first: bool = True
    """The behaviour is matched on the default root object's path, not on ``/`` (spec §7.9 [sim])."""
    unknown_method_status: int = 403
    """For methods CloudFront never relays: 403 or 405 (spec §3.9 [sim])."""
    too_large_status: int = 502
    """For an object above the largest CloudFront caches: 502 or 504 (spec §4.3 [sim])."""
    connect_failure_status: int = 502
    """For an origin that cannot be connected to: 502, 503 or 504 (spec §5.5, §16)."""
    caches_410: bool = True
    """410 is always cached, as 404 is (spec §5.1, §16)."""
    client_errors_need_lifetime: bool = True
    """400, 403, 405, 412 and 415 are cached only with max-age or s-maxage (spec §5.1, §5.2 [sim])."""
    errors_age_across_tiers: bool = True
    """An error that a regional cache kept comes to the edge with its age; otherwise its time starts anew (spec §16)."""
    tier_refresh_outcome: str = "RefreshHit"
    """An expired edge copy that the regional cache calls unchanged: RefreshHit or Hit (spec §2.2 [sim])."""
    failover_keeps_validators: bool = False
    """The secondary origin is asked conditionally, with the primary's validators (spec §6.5 [sim])."""
    dynamic_skips_regional: bool = True
    """Behaviours that can never cache skip the regional cache (spec §1.1 [sim])."""
    shield_takes_dynamic: bool = True
    """What skips the regional cache still passes the Origin Shield (spec §1.1 [sim])."""
    forwards_signed_cookies: bool = False
    """The cookies of a signature go to the origin as others do (spec §10.4 [sim])."""
    immutable: bool = False
    """``immutable`` keeps a viewer's reload from reaching the origin while fresh (RFC 8246)."""


CLOUDFRONT = Profile(
    name="cloudfront",
    policy_ttls=True,
    strict_directives=False,
    targeted_fields=(),
    vary_selects=False,
    authorization_guards=False,
    request_directives=False,
    error_caching=True,
    stale_on_error_by_default=True,
    unsafe_invalidates=False,
    head_updates=False,
    any_method=False,
    transparent=False,
    cookies_disable_validation=True,
    field_names_strip=True,
    vary_star_refetches=True,
)

RFC9111 = Profile(
    name="rfc9111",
    policy_ttls=False,
    strict_directives=True,
    targeted_fields=("CDN-Cache-Control",),
    vary_selects=True,
    authorization_guards=True,
    request_directives=True,
    error_caching=False,
    stale_on_error_by_default=False,
    unsafe_invalidates=True,
    head_updates=True,
    any_method=True,
    transparent=True,
    cookies_disable_validation=False,
    field_names_strip=True,
    stale_when_disconnected=True,
    heuristic_fraction=0.1,
    immutable=True,
)


def failure_status(profile: Profile, kind: FailureKind) -> int:
    """What a viewer gets for an origin's failure when nothing better can be served (spec §5.5 and its switches)."""
    if kind is FailureKind.TOO_LARGE:
        return profile.too_large_status
    if kind in (FailureKind.REFUSED, FailureKind.DNS):
        return profile.connect_failure_status
    return kind.status


PROFILES = {profile.name: profile for profile in (CLOUDFRONT, RFC9111)}
