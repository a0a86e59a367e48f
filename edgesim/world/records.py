"""Documents of the API in the World: how they come, change and go (spec §14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgesim.errors import ControlError
from edgesim.world.commands import DropRecord, PutRecord
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
    """Create or replace a document; refused when its version is not the one expected."""
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
    if old is not None and replace(new, version=old.version, modified=old.modified) == old:
        return world
    return _with(world, command.family, {**world.records.get(command.family, {}), command.id: new})


def drop_record(world: World, command: DropRecord) -> World:
    """Delete a document; refused when its version is not the one expected."""
    _at_version(world, command.family, command.id, command.expect)
    return _with(world, command.family, without(world.records.get(command.family, {}), command.id))


def _at_version(world: World, family: str, id: str, version: int) -> Record | None:
    found = world.records.get(family, {}).get(id)
    if (found.version if found is not None else 0) != version:
        raise ControlError("PreconditionFailed", f"{family} {id} was changed by somebody else meanwhile", 412)
    return found


def _with(world: World, family: str, records: Mapping[str, Record]) -> World:
    return replace(world, records={**world.records, family: records})
