"""Which caches are on the way."""

from __future__ import annotations

import pytest

from edgesim.core.behaviors import Origin
from edgesim.core.cache import Tier
from edgesim.core.policies import Ttls
from edgesim.core.tiers import Skipped, Stop, way_up
from support.playbook import behavior

REGIONAL, SHIELD = Stop(Tier.REGIONAL, "eu-west-2"), Stop(Tier.SHIELD, "us-east-1")


def origin(shield: str | None = None) -> Origin:
    return Origin("main", "main.test", shield_region=shield)


@pytest.mark.parametrize(
    ("method", "ttls", "shield", "regional_caches", "down", "stops", "skipped"),
    [
        ("GET", Ttls(), None, True, (), (REGIONAL,), {Tier.SHIELD: Skipped.NO_SHIELD}),
        ("HEAD", Ttls(), "us-east-1", True, (), (REGIONAL, SHIELD), {}),
        ("GET", Ttls(), "eu-west-2", True, (), (REGIONAL,), {Tier.SHIELD: Skipped.SHIELD_IS_HERE}),
        ("POST", Ttls(), "us-east-1", True, (), (SHIELD,), {Tier.REGIONAL: Skipped.PROXY_METHOD}),
        ("OPTIONS", Ttls(), None, True, (), (), {Tier.REGIONAL: Skipped.PROXY_METHOD, Tier.SHIELD: Skipped.NO_SHIELD}),
        ("GET", Ttls(0, 0, 0), "us-east-1", True, (), (SHIELD,), {Tier.REGIONAL: Skipped.DYNAMIC}),
        (
            "GET",
            Ttls(),
            "us-east-1",
            False,
            (),
            (),
            {Tier.REGIONAL: Skipped.NO_REGIONAL_CACHES, Tier.SHIELD: Skipped.NO_SHIELD},
        ),
        ("GET", Ttls(), "us-east-1", True, ("eu-west-2",), (SHIELD,), {Tier.REGIONAL: Skipped.DOWN}),
        ("GET", Ttls(), "us-east-1", True, ("us-east-1",), (REGIONAL,), {Tier.SHIELD: Skipped.DOWN}),
        (
            "GET",
            Ttls(),
            "eu-west-2",
            True,
            ("eu-west-2",),
            (),
            {Tier.REGIONAL: Skipped.DOWN, Tier.SHIELD: Skipped.DOWN},
        ),
    ],
)
def test_the_way(
    method: str,
    ttls: Ttls,
    shield: str | None,
    regional_caches: bool,
    down: tuple[str, ...],
    stops: tuple[Stop, ...],
    skipped: dict[Tier, Skipped],
) -> None:
    way = way_up(method, behavior(ttls=ttls), origin(shield), "eu-west-2", regional_caches=regional_caches, down=down)
    assert way.stops == stops
    assert dict(way.skipped) == skipped
