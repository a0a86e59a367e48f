"""Small worlds for these tests."""

from __future__ import annotations

from typing import Any

from edgesim.world.changes import apply
from edgesim.world.cloudfront.defaults import filled_distribution
from edgesim.world.commands import Command, Configure
from edgesim.world.loading import check_text
from edgesim.world.state import World

OPTIMISED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
START = 1_800_000_000.0

TWO_EDGES = """\
name: two edges
edges: [LHR61-C2, {pop: SYD62-C1, cache: 1 MB}]
site: {}
origins:
  site: { toy_site: true, place: us-east-1 }
distributions:
  - name: harbour
    aliases: [www.harbour.test, "*.harbour.test", localhost, 127.0.0.1, "::1"]
    default_behavior: { origin: site, cache_policy: pages }
  - name: deep
    aliases: ["*.deep.harbour.test"]
    enabled: false
    default_behavior: { origin: site, cache_policy: CachingDisabled }
cache_policies:
  pages: { ttl: { default: 1 min } }
"""


def small_config(origin: str, policy: str = OPTIMISED, **others: Any) -> dict[str, Any]:
    """A DistributionConfig of one custom origin and one behaviour, defaults filled in."""
    custom = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}
    return filled_distribution(
        {
            "CallerReference": "once",
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": origin, "CustomOriginConfig": custom}]},
            "DefaultCacheBehavior": {
                "TargetOriginId": "o",
                "ViewerProtocolPolicy": "allow-all",
                "CachePolicyId": policy,
            },
            **others,
        }
    )


def configure(text: str = TWO_EDGES, real: float = START) -> Configure:
    """The command that sets a world up."""
    return check_text(text, file="world.yaml").configure(real)


def world(text: str = TWO_EDGES, *commands: Command) -> World:
    """A world, some commands later."""
    result = World()
    for command in (configure(text), *commands):
        result = apply(result, command)
    return result


def harbour(world: World) -> str:
    """The id of the first distribution."""
    found = world.distribution_for("www.harbour.test")
    assert found is not None
    return found.id
