"""Switches that need more than one cache or more bytes than a scenario has (docs/differences.md)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from multidict import CIMultiDict

from edgesim.core.behaviors import Behavior, Distribution, Origin
from edgesim.core.cache import Tier
from edgesim.core.failures import FailureKind
from edgesim.core.freshness import controls_of, initial_age, policy_lifetime
from edgesim.core.keys import cache_key
from edgesim.core.messages import Request, Response
from edgesim.core.policies import CachePolicy, Ttls
from edgesim.core.profiles import CLOUDFRONT, Profile, failure_status
from edgesim.core.reuse import make_entry
from edgesim.core.steps import Answered, Ask
from edgesim.core.tiers import Skipped, way_up

CACHING = CachePolicy("cp", "caching")
NEVER = CachePolicy("never", "never", Ttls(0, 0, 0))
ORIGIN = Origin("o", "origin.test", shield_region="us-east-1")


def _ask(profile: Profile) -> Ask:
    behavior = Behavior("*", "o", CACHING, profile=profile)
    distribution = Distribution("E1", "d1.cloudfront.net", {"o": ORIGIN}, (behavior,))
    request = Request("GET", "/a", CIMultiDict({"Host": "d1.cloudfront.net"}))
    return Ask("id", request, distribution, behavior, cache_key(distribution, behavior, request))


@pytest.mark.parametrize(("chosen", "status"), [(502, 502), (504, 504)])
def test_too_large_status(chosen: int, status: int) -> None:
    assert failure_status(replace(CLOUDFRONT, too_large_status=chosen), FailureKind.TOO_LARGE) == status


@pytest.mark.parametrize("kind", [FailureKind.REFUSED, FailureKind.DNS])
def test_connect_failure_status_is_for_connections_only(kind: FailureKind) -> None:
    profile = replace(CLOUDFRONT, connect_failure_status=503)
    assert failure_status(profile, kind) == 503
    assert failure_status(profile, FailureKind.TLS_EXPIRED) == 502
    assert failure_status(profile, FailureKind.READ_TIMEOUT) == 504


@pytest.mark.parametrize(("goes_on", "age"), [(True, 7.0), (False, 0.0)])
def test_errors_age_across_tiers(goes_on: bool, age: float) -> None:
    ask = _ask(replace(CLOUDFRONT, errors_age_across_tiers=goes_on))
    error = Response(404, CIMultiDict({"Age": "7"}), "", 0)
    assert make_entry(ask, ask.key, Answered(error, 100.0, 100.0), 0).age(100.0) == age


@pytest.mark.parametrize(("takes", "tiers"), [(True, [Tier.SHIELD]), (False, [])])
def test_shield_takes_dynamic(takes: bool, tiers: list[Tier]) -> None:
    behavior = Behavior("*", "o", NEVER, profile=replace(CLOUDFRONT, shield_takes_dynamic=takes))
    way = way_up("GET", behavior, ORIGIN, "eu-west-2", regional_caches=True)
    assert [stop.tier for stop in way.stops] == tiers
    assert (Tier.REGIONAL, Skipped.DYNAMIC) in way.skipped


@pytest.mark.parametrize(("skips", "tiers"), [(True, [Tier.SHIELD]), (False, [Tier.REGIONAL, Tier.SHIELD])])
def test_dynamic_skips_regional(skips: bool, tiers: list[Tier]) -> None:
    behavior = Behavior("*", "o", NEVER, profile=replace(CLOUDFRONT, dynamic_skips_regional=skips))
    way = way_up("GET", behavior, ORIGIN, "eu-west-2", regional_caches=True)
    assert [stop.tier for stop in way.stops] == tiers


def test_an_origin_in_real_time_is_shifted() -> None:
    """Expires an hour ahead of the origin's own clock is an hour ahead on the simulated one too."""
    headers = CIMultiDict({"Expires": "Sun, 01 Mar 2026 13:00:00 GMT", "Date": "Sun, 01 Mar 2026 12:00:00 GMT"})
    real, day = 1772366400.0, 86_400.0
    controls = controls_of(headers, CLOUDFRONT)
    shifted = policy_lifetime(CLOUDFRONT, Ttls(), controls, headers, real + day, day)
    unshifted = policy_lifetime(CLOUDFRONT, Ttls(), controls, headers, real + day, 0.0)
    assert shifted is not None
    assert unshifted is not None
    assert shifted.seconds == 3600
    assert unshifted.seconds == 0
    assert initial_age(CLOUDFRONT, headers, real, real + day, 0.0) == 0
