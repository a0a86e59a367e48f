"""What documents of the API say and this World does not do, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgesim.world.cloudfront.addresses import Addresses
from edgesim.world.cloudfront.origins import way_to
from edgesim.world.cloudfront.reading import items
from edgesim.world.cloudfront.unacted import unacted
from edgesim.world.deriving import addresses, derived
from edgesim.world.state import Record, World


@dataclass(frozen=True, slots=True)
class Warning:
    """Something in a document (``source``: its family and id) that is not as it seems; ``field`` is where."""

    source: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.source}: {self.field}: {self.message}" if self.field else f"{self.source}: {self.message}"


def warnings(world: World) -> tuple[Warning, ...]:
    """Everything there is to warn of in the documents of the API, in the order of their making."""
    return tuple(_all(world)) if world.records else ()


def _all(world: World) -> Iterator[Warning]:
    broken = derived(world).broken
    served = [one for id, one in world.records.get("distribution", {}).items() if id not in broken]
    for record in served:
        for field, message in unacted(record.config):
            yield Warning(_source(record), field, message)
    yield from _origins(served, addresses(world))
    for id, error in broken.items():
        yield Warning(f"distribution {id}", "", f"it is not served: {error.message}")
    for id in world.records.get("monitoring-subscription", {}):
        yield Warning(f"monitoring-subscription {id}", "", "no metrics go to CloudWatch; they are at /_edgesim/metrics")
    for record in world.records.get("origin-access-control", {}).values():
        yield from _access(record)
    for family in world.records.values():
        for record in family.values():
            yield from _repairs(record)


def _origins(served: list[Record], known: Addresses) -> Iterator[Warning]:
    for record in served:
        for one in items(record.config, "Origins"):
            if not way_to(one, known).address:
                yield Warning(_source(record), f"Origins[{one['Id']}].DomainName", no_address(one["DomainName"]))


def no_address(domain: str) -> str:
    """What to say of an origin whose name leads nowhere on this machine."""
    return (
        f"{domain} has no address on this machine; give it one: PUT /_edgesim/origins/{domain} with a url, "
        "or origin_addresses in the world file"
    )


def _access(record: Record) -> Iterator[Warning]:
    config = record.config
    if config.get("SigningProtocol") == "sigv4a":
        yield Warning(_source(record), "SigningProtocol", "requests are signed with sigv4")
    if config.get("SigningBehavior") == "always-amz-auth":
        yield Warning(_source(record), "SigningBehavior", "signatures are in Authorization, as with always")


def _repairs(record: Record) -> Iterator[Warning]:
    repairs = record.facts.get("repairs")
    for sentence in repairs if isinstance(repairs, list) else ():
        yield Warning(_source(record), "", str(sentence))


def _source(record: Record) -> str:
    return f"{record.family} {record.id}"
