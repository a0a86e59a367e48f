"""Distributions and policies that come and go by command, and how a change reaches the edges (spec §14)."""

from __future__ import annotations

from dataclasses import replace

from edgesim.core.behaviors import Behavior, Distribution
from edgesim.core.policies import PolicyBook
from edgesim.errors import ControlError
from edgesim.world.commands import DropDistribution, DropPolicy, PutDistribution, PutPolicy
from edgesim.world.refusals import invalid, unknown, without
from edgesim.world.state import Version, World


def deploy(world: World, distributions: dict[str, Distribution], now: float) -> World:
    """The distributions from ``now`` on; edges learn of changes one by one where propagation takes time."""
    delay = world.file.propagation.distributions
    if delay == 0:
        return replace(world, distributions=distributions, versions={})
    versions: dict[str, tuple[Version, ...]] = {}
    for id in dict.fromkeys((*world.distributions, *distributions, *world.versions)):
        old, new = world.distributions.get(id), distributions.get(id)
        past = world.versions.get(id) or (() if old is None else (Version(float("-inf"), old),))
        if old != new:
            past = (*past, Version(now, new))
        settled = max((index for index, one in enumerate(past) if one.at + delay <= now), default=0)
        if len(past) > settled + 1 or (past and past[-1].at + delay > now):
            versions[id] = past[settled:]
    return replace(world, distributions=distributions, versions=versions)


def put_distribution(world: World, command: PutDistribution) -> World:
    """Create or replace a distribution."""
    new = command.distribution
    if not new.behaviors or new.behaviors[-1].pattern != "*":
        raise invalid("a distribution ends with its default behaviour")
    for other in world.distributions.values():
        taken = {other.domain, *other.aliases} if other.id != new.id else set()
        if clash := taken.intersection((new.domain, *new.aliases)):
            message = f"{min(clash)} belongs to distribution {other.id} already"
            raise ControlError("CNAMEAlreadyExists", message, 409)
    if world.distributions.get(new.id) == new:
        return world
    after = deploy(world, {**world.distributions, new.id: new}, command.at)
    return replace(after, added=world.added | {new.id})


def drop_distribution(world: World, command: DropDistribution) -> World:
    """Delete a distribution that was put."""
    old = world.distributions.get(command.id)
    if old is None:
        raise unknown("NoSuchDistribution", "distribution", command.id, world.distributions)
    if command.id not in world.added:
        raise invalid(f"distribution {command.id} is in {world.source}: take it out there")
    if old.enabled:
        raise ControlError("DistributionNotDisabled", f"distribution {command.id} is enabled; disable it first", 409)
    return replace(
        world,
        distributions=without(world.distributions, command.id),
        versions=without(world.versions, command.id),
        invalidations=tuple(one for one in world.invalidations if one.distribution != command.id),
        added=world.added - {command.id},
    )


def put_policy(world: World, command: PutPolicy) -> World:
    """Create or replace a policy, and have behaviours follow."""
    book, ids = world.policies, set[str]()
    if command.cache:
        book, ids = replace(book, cache={**book.cache, command.cache.id: command.cache}), {command.cache.id}
    if command.origin_request:
        request = command.origin_request
        book, ids = replace(book, origin_request={**book.origin_request, request.id: request}), {*ids, request.id}
    if command.response_headers:
        response = command.response_headers
        book = replace(book, response_headers={**book.response_headers, response.id: response})
        ids.add(response.id)
    if not ids or ids & PolicyBook().cache.keys():
        raise invalid("a policy of your own is needed: managed policies do not change")
    distributions = {
        id: replace(one, behaviors=tuple(_following(behavior, book) for behavior in one.behaviors))
        for id, one in world.distributions.items()
    }
    after = deploy(world, distributions, command.at)
    return replace(after, policies=book, added=world.added | ids)


def _following(behavior: Behavior, book: PolicyBook) -> Behavior:
    """A behaviour with its policies as the book has them now."""
    request, response = behavior.origin_request, behavior.response_headers
    return replace(
        behavior,
        policy=book.cache.get(behavior.policy.id, behavior.policy),
        origin_request=request and book.origin_request.get(request.id, request),
        response_headers=response and book.response_headers.get(response.id, response),
    )


def drop_policy(world: World, command: DropPolicy) -> World:
    """Delete a policy that was put."""
    book, id = world.policies, command.id
    own = {*book.cache, *book.origin_request, *book.response_headers} & world.added
    if id not in own:
        raise unknown("NoSuchPolicy", "policy of your own", id, own)
    for distribution in world.distributions.values():
        for behavior in distribution.behaviors:
            for code, policy in (
                ("CachePolicyInUse", behavior.policy),
                ("OriginRequestPolicyInUse", behavior.origin_request),
                ("ResponseHeadersPolicyInUse", behavior.response_headers),
            ):
                if policy and policy.id == id:
                    raise ControlError(code, f"distribution {distribution.id} uses policy {id}", 409)
    left = PolicyBook(without(book.cache, id), without(book.origin_request, id), without(book.response_headers, id))
    return replace(world, policies=left, added=world.added - {id})
