"""What faults do to a World."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgesim.world.commands import ClearFault, SetFault
from edgesim.world.gazetteer import Gazetteer
from edgesim.world.refusals import invalid, unknown, without
from edgesim.world.state import Fault, World

_FAULTS: Mapping[str, frozenset[str]] = {
    "edge": frozenset({"stop", "partition", "slow", "error"}),
    "regional": frozenset({"stop", "partition", "slow", "error"}),
    "origin": frozenset({"stop", "slow", "error"}),
    "link": frozenset({"partition", "slow"}),
}


def _origins(world: World) -> set[str]:
    return {name for distribution in world.distributions.values() for name in distribution.origins} | set(
        world.file.origins
    )


def _targets(world: World) -> dict[str, set[str]]:
    regional = set(Gazetteer.load().regional_caches)
    return {"edge": set(world.edges), "regional": regional, "origin": _origins(world)}


def target_exists(world: World, target: str) -> bool:
    """True when there is something to break under this name."""
    kind, _, name = target.partition(":")
    targets = _targets(world)
    if kind != "link":
        return name in targets.get(kind, ())
    ends = name.split("->")
    return len(ends) == 2 and all(any(end in names for names in targets.values()) for end in ends)


def set_fault(world: World, command: SetFault) -> World:
    """Break something, or break it another way."""
    kind, colon, name = command.target.partition(":")
    if not colon or kind not in _FAULTS:
        raise invalid(f"{command.target!r} is no target: write edge:POP, regional:REGION, origin:ID or link:A->B")
    if command.kind not in _FAULTS[kind]:
        raise invalid(f"{command.kind} does not happen to {kind}; {', '.join(sorted(_FAULTS[kind]))} do")
    if not target_exists(world, command.target):
        targets = _targets(world)
        names = targets.get(kind, set[str]().union(*targets.values()))
        raise unknown("NoSuchEdge" if kind == "edge" else "NoSuchTarget", kind, name, names)
    if command.kind == "slow" and not 0 < command.value <= 600_000:
        raise invalid("slow needs a value of 1 to 600000 milliseconds")
    if command.kind == "error" and (command.value != int(command.value) or not 400 <= command.value <= 599):
        raise invalid("error needs a value of 400 to 599, the status to answer with")
    fault = Fault(command.id, command.target, command.kind, command.value)
    return world if world.faults.get(command.id) == fault else replace(world, faults={**world.faults, fault.id: fault})


def clear_fault(world: World, command: ClearFault) -> World:
    """Mend it."""
    if command.id not in world.faults:
        raise unknown("NoSuchFault", "fault", command.id, world.faults)
    return replace(world, faults=without(world.faults, command.id))
