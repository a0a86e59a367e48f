"""What invalidations do to a World (spec §8)."""

from __future__ import annotations

from dataclasses import replace

from edgesim.errors import ControlError
from edgesim.world.commands import Invalidate
from edgesim.world.refusals import invalid, unknown
from edgesim.world.state import Invalidation, World

MOST_PATHS = 3_000  # single paths in progress per distribution, and paths of one batch (spec §8)
MOST_WILDCARDS = 15
LONGEST_PATH = 4_000


def invalidate(world: World, command: Invalidate) -> World:
    """Begin an invalidation; the same caller reference with the same paths is the same one."""
    if command.distribution not in world.distributions:
        raise unknown("NoSuchDistribution", "distribution", command.distribution, world.distributions)
    for path in command.paths:
        if not path.startswith("/") or len(path) > LONGEST_PATH or "~" in path or not path.isprintable():
            raise invalid(
                f"{path[:80]!r} is not a path: it starts with /, has no ~ and at most {LONGEST_PATH} characters"
            )
    if len(command.paths) > (most := MOST_PATHS + MOST_WILDCARDS):
        message = f"{len(command.paths)} paths; CloudFront takes at most {most} at once"
        raise ControlError("BatchTooLarge", message, 413)
    if not command.paths:
        raise invalid("an invalidation needs at least one path")
    mine = [one for one in world.invalidations if one.distribution == command.distribution]
    for one in mine:
        if one.caller_reference == command.caller_reference:
            if sorted(one.paths) == sorted(command.paths):
                return world
            message = f"caller reference {command.caller_reference} was used for another batch: {one.id}"
            raise ControlError("InvalidationBatchAlreadyExists", message, 400)
    if any(one.id == command.id for one in world.invalidations):
        raise invalid(f"there is an invalidation {command.id} already")
    _within_limits([one for one in mine if one.status(command.at) == "InProgress"], command.paths)
    delay = world.file.propagation.invalidations
    new = Invalidation(command.id, command.distribution, command.paths, command.caller_reference, command.at, delay)
    return replace(world, invalidations=(*world.invalidations, new))


def _within_limits(busy: list[Invalidation], paths: tuple[str, ...]) -> None:
    """3,000 single paths and 15 wildcards in progress, counted apart (spec §8)."""
    everything = [*paths, *(path for one in busy for path in one.paths)]
    wildcards = sum(path.endswith("*") for path in everything)
    for count, most, what in (
        (len(everything) - wildcards, MOST_PATHS, "paths"),
        (wildcards, MOST_WILDCARDS, "wildcard paths"),
    ):
        if count > most:
            message = f"{count} {what} would be in progress; CloudFront allows {most} per distribution"
            raise ControlError("TooManyInvalidationsInProgress", message, 400)
