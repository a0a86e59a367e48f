"""What each command does to a World: ``apply(world, command)`` gives the next World or raises ``ControlError``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from edgesim.core.behaviors import Distribution
from edgesim.core.policies import PolicyBook
from edgesim.world import commands as c
from edgesim.world.breaking import clear_fault, set_fault, target_exists
from edgesim.world.catalogue import deploy, drop_distribution, drop_policy, put_distribution, put_policy
from edgesim.world.compiling import SiteAddress, compile_world
from edgesim.world.invalidating import invalidate
from edgesim.world.loading import ConfigErrors, check_data
from edgesim.world.models import LatencySection
from edgesim.world.records import drop_record, put_record
from edgesim.world.refusals import invalid, unknown, without
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
        policies=_with_added(compiled.policies, world),
        sites=compiled.sites,
        edges=compiled.edges,
        clock=ClockAnchor.of(file.clock, command.real) if fresh or file.clock != before.clock else world.clock,
        latency=_latency(file.latency) if fresh or file.latency != before.latency else world.latency,
        states={pop: state for pop, state in world.states.items() if pop in compiled.edges},
    )
    distributions = {**_added(world), **compiled.distributions}
    now = after.simulated_now(command.real)
    after = replace(after, distributions=distributions) if fresh else deploy(after, distributions, now)
    return replace(
        after,
        faults={id: fault for id, fault in after.faults.items() if target_exists(after, fault.target)},
        invalidations=tuple(one for one in after.invalidations if one.distribution in distributions),
        added=world.added.difference(compiled.distributions),
    )


def _added(world: World) -> dict[str, Distribution]:
    """The distributions that came by command."""
    return {id: one for id, one in world.distributions.items() if id in world.added}


def _with_added(book: PolicyBook, world: World) -> PolicyBook:
    """A file's policies, and those that came by command."""
    old = world.policies
    return PolicyBook(
        {**book.cache, **{id: one for id, one in old.cache.items() if id in world.added}},
        {**book.origin_request, **{id: one for id, one in old.origin_request.items() if id in world.added}},
        {**book.response_headers, **{id: one for id, one in old.response_headers.items() if id in world.added}},
    )


def _latency(section: LatencySection) -> Latency:
    return Latency(section.mode, section.scale, section.access, section.jitter, section.handshakes)


def _bind_site(world: World, command: c.BindSite) -> World:
    address = SiteAddress(command.address, command.http_port, command.https_port)
    if address == world.site_address:
        return world
    compiled = compile_world(world.file, address)
    toys = {name for name, entry in world.file.origins.items() if entry.toy_site}
    found = {
        name: one for each in compiled.distributions.values() for name, one in each.origins.items() if name in toys
    }
    moved = {
        id: replace(one, origins={name: found.get(name, origin) for name, origin in one.origins.items()})
        for id, one in _added(world).items()
    }
    return replace(world, site_address=address, distributions={**compiled.distributions, **moved}, versions={})


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
    return replace(
        world,
        clock=ClockAnchor.of(world.file.clock, command.real),
        latency=_latency(world.file.latency),
        states={},
        faults={},
        invalidations=(),
        versions={},
    )


_CHANGES: dict[type[Any], Callable[[World, Any], World]] = {
    c.Configure: _configure,
    c.BindSite: _bind_site,
    c.SetClock: _set_clock,
    c.SetEdge: _set_edge,
    c.Invalidate: invalidate,
    c.SetLatency: _set_latency,
    c.SetFault: set_fault,
    c.ClearFault: clear_fault,
    c.PutDistribution: put_distribution,
    c.DropDistribution: drop_distribution,
    c.PutPolicy: put_policy,
    c.DropPolicy: drop_policy,
    c.PutRecord: put_record,
    c.DropRecord: drop_record,
    c.Reset: _reset,
}
