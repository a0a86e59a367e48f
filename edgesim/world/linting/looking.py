"""Running every rule over distributions."""

from __future__ import annotations

from collections.abc import Iterable

from edgesim.world.linting.behaviors import BEHAVIOR_RULES
from edgesim.world.linting.distributions import DISTRIBUTION_RULES
from edgesim.world.linting.documents import signing
from edgesim.world.linting.finding import Finding, Place, Subject
from edgesim.world.state import World

ORDER = ("error", "warning", "info")


def look(subjects: Iterable[Subject]) -> list[Finding]:
    """What there is to say, the worst first, else in the order of the documents."""
    found = [finding for subject in subjects for finding in _one(subject)]
    return sorted(found, key=lambda finding: ORDER.index(finding.severity))


def running(world: World, id: str | None = None) -> list[Subject]:
    """The distributions of a World, or the one with this id, as subjects."""
    return [
        Subject(
            signing(one, world.records["distribution"][one.id].config)
            if one.id in world.records.get("distribution", {})
            else one,
            "world" if one.id in world.base.distributions else "api",
            one.id,
            tuple(path for each in world.invalidations if each.distribution == one.id for path in each.paths),
        )
        for one in world.distributions.values()
        if id in (None, one.id)
    ]


def _one(subject: Subject) -> list[Finding]:
    found = []
    for rule in DISTRIBUTION_RULES:
        for field, message in rule.look(subject):
            found.append(Finding(rule.name, rule.severity, subject.join(_spelt(field, subject)), message, rule.advice))
    for index, behavior in enumerate(subject.distribution.behaviors):
        at, path = Place(subject.distribution, behavior, index), subject.behavior_path(index)
        for each in BEHAVIOR_RULES:
            for field, message in each.look(at):
                if behavior.policy.legacy:
                    field = field.replace("CachePolicyId/cache_policy", "ForwardedValues/legacy")
                where = f"{path}.{_spelt(field, subject)}".rstrip(".")
                found.append(Finding(each.name, each.severity, where, message, each.advice))
    return found


def _spelt(field: str, subject: Subject) -> str:
    api, _, world = field.partition("/")
    return world if subject.spelling == "world" else api
