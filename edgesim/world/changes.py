"""What each command does to a World: ``apply(world, command)`` gives the next World or raises ``ControlError``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from edgesim.world import commands as c
from edgesim.world.breaking import clear_fault, set_fault, target_exists
from edgesim.world.compiling import SiteAddress, compile_world
from edgesim.world.deriving import derive, settle
from edgesim.world.invalidating import invalidate
from edgesim.world.loading import ConfigErrors, check_data
from edgesim.world.models import LatencySection
from edgesim.world.records import drop_record, put_record
from edgesim.world.refusals import invalid, unknown, without
from edgesim.world.seeding import seeded
from edgesim.world.state import ClockAnchor, Latency, World


def apply(world: World, command: c.Command) -> World:
    """The next World. Pure; a command that changes nothing gives the same World back.

    Raises ``ControlError`` when the command makes no sense in this World, and ``ConfigErrors`` for a broken file.
    """
    changed = _CHANGES[type(command)](world, command)
    return world if changed is world else replace(changed, generation=world.generation + 1)


def _configure(world: World, command: c.Configure) -> World:
    """The file's clock and latency count when they are new; everything else that happened goes on."""
    checked = check_data(command.document, command.source)
    if checked.file is None:
        raise ConfigErrors(checked.errors)
    file, before = checked.file, world.file
    compiled = compile_world(file, world.site_address)
    fresh = not world.document
    after = replace(
        world,
        source=command.source,
        document=command.document,
        file=file,
        base=compiled,
        sites=compiled.sites,
        edges=compiled.edges,
        clock=ClockAnchor.of(file.clock, command.real) if fresh or file.clock != before.clock else world.clock,
        latency=_latency(file.latency) if fresh or file.latency != before.latency else world.latency,
        states={pop: state for pop, state in world.states.items() if pop in compiled.edges},
    )
    now = after.simulated_now(command.real)
    after = seeded(after, now)
    after = settle(after) if fresh else derive(after, now)
    return replace(
        after,
        faults={id: fault for id, fault in after.faults.items() if target_exists(after, fault.target)},
        invalidations=tuple(one for one in after.invalidations if one.distribution in after.distributions),
    )


def _latency(section: LatencySection) -> Latency:
    return Latency(section.mode, section.scale, section.access, section.jitter, section.handshakes)


def _bind_site(world: World, command: c.BindSite) -> World:
    address = SiteAddress(command.address, command.http_port, command.https_port)
    if address == world.site_address:
        return world
    return settle(replace(world, base=compile_world(world.file, address), site_address=address))


def _set_clock(world: World, command: c.SetClock) -> World:
    if command.speed < 0:
        raise invalid("the clock does not run backwards: speed must be at least 0")
    if command.simulated < world.simulated_now(command.real) - 1e-3:
        raise invalid("the clock does not go back; reset the world to begin again")
    return replace(world, clock=ClockAnchor(command.real, command.simulated, command.speed))


def _set_edge(world: World, command: c.SetEdge) -> World:
    if command.pop not in world.edges:
        raise unknown("NoSuchEdge", "edge", command.pop, world.edges)
    if world.states.get(command.pop, "up") == command.state:
        return world
    states = without(world.states, command.pop)
    return replace(world, states=states if command.state == "up" else {**states, command.pop: command.state})


def _set_latency(world: World, command: c.SetLatency) -> World:
    scale = world.latency.scale if command.scale is None else command.scale
    return replace(world, latency=replace(world.latency, mode=command.mode, scale=scale))


def _reset(world: World, command: c.Reset) -> World:
    bare = replace(
        world,
        clock=ClockAnchor.of(world.file.clock, command.real),
        latency=_latency(world.file.latency),
        states={},
        faults={},
        invalidations=(),
        records={},
    )
    return settle(seeded(bare, bare.simulated_now(command.real)))


_CHANGES: dict[type[Any], Callable[[World, Any], World]] = {
    c.Configure: _configure,
    c.BindSite: _bind_site,
    c.SetClock: _set_clock,
    c.SetEdge: _set_edge,
    c.Invalidate: invalidate,
    c.SetLatency: _set_latency,
    c.SetFault: set_fault,
    c.ClearFault: clear_fault,
    c.PutRecord: put_record,
    c.DropRecord: drop_record,
    c.Reset: _reset,
}
