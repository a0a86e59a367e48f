"""What follows from the World's documents: policies and distributions beside those of the world file (spec §14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edgesim.core.behaviors import Distribution
from edgesim.core.policies import PolicyBook
from edgesim.errors import ControlError
from edgesim.world.catalogue import deploy
from edgesim.world.cloudfront.addresses import Addresses
from edgesim.world.cloudfront.describing import all_policies, all_records
from edgesim.world.cloudfront.distribution import Surroundings, distribution
from edgesim.world.cloudfront.policies import cache_policy, origin_request_policy, response_headers_policy
from edgesim.world.compiling import compile_profile
from edgesim.world.state import Record, World

ACTING = frozenset(
    {
        "distribution",
        "cache-policy",
        "origin-request-policy",
        "response-headers-policy",
        "origin-access-control",
        "public-key",
        "key-group",
        "continuous-deployment-policy",
        "origin-address",
    }
)
"""The families the data plane follows."""


@dataclass(frozen=True, slots=True)
class Derived:
    """All policies and distributions of a World, and what is wrong with the documents that gave none, by id."""

    policies: PolicyBook
    distributions: dict[str, Distribution]
    broken: Mapping[str, ControlError]


def derived(world: World) -> Derived:
    """The world file's policies and distributions, and those of the documents after them. Pure.

    A distribution's document that names something not there, or a name somebody else has, gives no distribution.
    """
    around = surroundings(world)
    made, broken = dict(world.base.distributions), dict[str, ControlError]()
    taken = {name: one.id for one in made.values() for name in names_of(one)}
    for record in world.records.get("distribution", {}).values():
        try:
            new = distribution(record.id, record.config, record.facts, around)
            _check_names(new, taken)
        except ControlError as error:
            broken[record.id] = error
        except (KeyError, TypeError, ValueError) as error:
            broken[record.id] = _senseless(record.id, error)
        else:
            made[record.id] = new
            taken |= dict.fromkeys(names_of(new), new.id)
    return Derived(around.policies, made, broken)


def names_of(one: Distribution) -> tuple[str, ...]:
    """The host names that are its own alone; a staging distribution shares its aliases with its primary."""
    return (one.domain,) if one.staging else (one.domain, *one.aliases)


def _check_names(new: Distribution, taken: Mapping[str, str]) -> None:
    if clash := [name for name in names_of(new) if name in taken]:
        message = f"{clash[0]} belongs to distribution {taken[clash[0]]} already"
        raise ControlError("CNAMEAlreadyExists", message, 409)


def surroundings(world: World) -> Surroundings:
    """What the documents of distributions are read with."""
    return Surroundings(
        _policies(world),
        all_records(world),
        addresses(world),
        compile_profile("cloudfront", world.file.switches),
        world.file.regional_caches,
    )


def addresses(world: World) -> Addresses:
    """What the World knows of origins' names."""
    of_records = {
        id.lower(): str(record.config["url"]) for id, record in world.records.get("origin-address", {}).items()
    }
    given = {**world.file.origin_addresses, **of_records}
    return Addresses(given, world.file.site, world.site_address, tuple(world.base.origins.values()))


def _policies(world: World) -> PolicyBook:
    base, records = all_policies(world.base), world.records

    def of(family: str) -> list[Record]:
        return list(records.get(family, {}).values())

    return PolicyBook(
        {**base.cache, **{one.id: cache_policy(one.id, one.config) for one in of("cache-policy")}},
        {
            **base.origin_request,
            **{one.id: origin_request_policy(one.id, one.config) for one in of("origin-request-policy")},
        },
        {
            **base.response_headers,
            **{one.id: response_headers_policy(one.id, one.config) for one in of("response-headers-policy")},
        },
    )


def derive(world: World, at: float) -> World:
    """The World with everything that follows from its documents; edges learn of it from ``at`` on."""
    found = derived(world)
    return deploy(replace(world, policies=found.policies), _kept(world, found), at)


def settle(world: World) -> World:
    """The same, known to all edges at once."""
    found = derived(world)
    return replace(world, policies=found.policies, distributions=_kept(world, found), versions={})


def derive_strictly(before: World, world: World, at: float, changed: str) -> World:
    """The same as ``derive`` for one document that changed; refuses what would break it or another.

    Raises ControlError: what is named is not there, a name is somebody else's, a document makes no sense.
    """
    try:
        found = derived(world)
    except (KeyError, TypeError, ValueError) as error:
        raise _senseless(changed, error) from None
    already = derived(before).broken if found.broken else {}
    for id, wrong in found.broken.items():
        if id == changed or id not in already:
            raise wrong
    return deploy(replace(world, policies=found.policies), _kept(world, found), at)


def _kept(world: World, found: Derived) -> dict[str, Distribution]:
    """The distributions found; those that are as before are the same objects, so nothing is made for them anew."""
    old = world.distributions
    return {id: old[id] if old.get(id) == one else one for id, one in found.distributions.items()}


def _senseless(id: str, error: Exception) -> ControlError:
    return ControlError("InvalidArgument", f"the document of {id} makes no sense: {type(error).__name__} {error}", 400)
