"""Documents of the API in the World: how they come, change and go (spec §14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgesim.errors import ControlError
from edgesim.world.cloudfront.describing import described
from edgesim.world.commands import DropRecord, PutRecord
from edgesim.world.deriving import ACTING, derive_strictly
from edgesim.world.refusals import invalid, without
from edgesim.world.state import Record, World

FAMILIES = (
    "distribution",
    "cache-policy",
    "origin-request-policy",
    "response-headers-policy",
    "origin-access-control",
    "origin-access-identity",
    "public-key",
    "key-group",
    "continuous-deployment-policy",
    "field-level-encryption",
    "field-level-encryption-profile",
    "function",
    "key-value-store",
    "realtime-log-config",
    "monitoring-subscription",
    "certificate",
    "certificate-account",
    "origin-address",
)
"""What documents there can be."""


def put_record(world: World, command: PutRecord) -> World:
    """Create or replace a document; refused when its version is not the one expected. Tags are no part of it."""
    if command.family not in FAMILIES:
        raise invalid(f"there are no documents of family {command.family[:40]!r}; known: {', '.join(FAMILIES)}")
    old = _at_version(world, command.family, command.id, command.expect)
    new = Record(
        command.family,
        command.id,
        command.expect + 1,
        command.config,
        command.facts,
        command.tags,
        command.at if old is None else old.created,
        command.at,
    )
    if old is not None and (new.config, new.facts) == (old.config, old.facts):
        new = replace(new, version=old.version, modified=old.modified)
    if new == old:
        return world
    after = _with(world, command.family, {**world.records.get(command.family, {}), command.id: new})
    if command.family not in ACTING:
        return after
    _check_own(world, command.family, command.id)
    return derive_strictly(world, after, command.at, command.id)


def drop_record(world: World, command: DropRecord) -> World:
    """Delete a document; refused when its version is not the one expected, and while something needs it."""
    family, id = command.family, command.id
    _at_version(world, family, id, command.expect)
    after = _with(world, family, without(world.records.get(family, {}), id))
    if family not in ACTING:
        return after
    served = world.distributions.get(id)
    if family == "distribution" and served is not None:
        if served.enabled:
            raise ControlError("DistributionNotDisabled", f"distribution {id} is enabled; disable it first", 409)
        after = replace(after, invalidations=tuple(one for one in world.invalidations if one.distribution != id))
    try:
        return derive_strictly(world, after, command.at, id)
    except ControlError as error:
        raise ControlError(_IN_USE[family], f"{family} {id} is in use; without it {error.message}", 409) from None


_IN_USE = {
    "distribution": "StagingDistributionInUse",
    "cache-policy": "CachePolicyInUse",
    "origin-request-policy": "OriginRequestPolicyInUse",
    "response-headers-policy": "ResponseHeadersPolicyInUse",
    "origin-access-control": "OriginAccessControlInUse",
    "public-key": "PublicKeyInUse",
    "key-group": "ResourceInUse",
    "continuous-deployment-policy": "ContinuousDeploymentPolicyInUse",
    "origin-address": "ResourceInUse",
}


def _check_own(world: World, family: str, id: str) -> None:
    """What the world file defines is changed there."""
    if id in described(world, family):
        where = world.source or "the world file"
        raise ControlError("AccessDenied", f"{family} {id} is in {where}: change it there", 403)


def _at_version(world: World, family: str, id: str, version: int) -> Record | None:
    found = world.records.get(family, {}).get(id)
    if (found.version if found is not None else 0) != version:
        raise ControlError("PreconditionFailed", f"{family} {id} was changed by somebody else meanwhile", 412)
    return found


def _with(world: World, family: str, records: Mapping[str, Record]) -> World:
    return replace(world, records={**world.records, family: records})
