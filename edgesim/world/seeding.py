"""The documents of a world file's ``cloudfront`` section as records of the World."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import JsonValue

from edgesim.errors import ControlError
from edgesim.world.cloudfront.defaults import filled_distribution
from edgesim.world.compiling import compile_world
from edgesim.world.deriving import derived
from edgesim.world.documented import FAMILIES, documents
from edgesim.world.models import WorldFile
from edgesim.world.state import Record, World


def seeded(world: World, at: float) -> World:
    """The World with the file's documents; what is there under the same id stays. ``at`` is simulated seconds."""
    records: dict[str, Mapping[str, Record]] = dict(world.records)
    for family, one in documents(world.file.cloudfront):
        there = records.get(family, {})
        if one.id not in there:
            made = Record(
                family,
                one.id,
                1,
                _filled(family, one.config),
                _facts(family, one.id, one.facts),
                one.tags,
                at,
                at,
            )
            records[family] = {**there, one.id: made}
    return replace(world, records=records) if records != world.records else world


def _filled(family: str, config: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """A distribution's document with its defaults; what lacks the most important is left to be refused."""
    if family != "distribution" or not {"Origins", "DefaultCacheBehavior"} <= config.keys():
        return config
    return filled_distribution(config)


def _facts(family: str, id: str, given: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A distribution always has a domain, an ARN and a caller reference."""
    if family != "distribution":
        return dict(given)
    usual: dict[str, JsonValue] = {
        "domain": f"{id.lower()}.cloudfront.net",
        "arn": f"arn:aws:cloudfront::123456789012:distribution/{id}",
        "caller_reference": id,
        "repairs": [],
    }
    return {**usual, **given}


def mistakes(file: WorldFile) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Documents that cannot be: where they are in the file, and why."""
    for key, family in FAMILIES.items():
        entries, seen = getattr(file.cloudfront, key), set[str]()
        for index, one in enumerate(entries):
            if one.id in seen:
                yield ("cloudfront", key, index, "id"), f"{family} {one.id} for the second time"
            seen.add(one.id)
    world = World(file=file, base=compile_world(file))
    try:
        broken = derived(seeded(world, 0.0)).broken
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield ("cloudfront",), f"a document that makes no sense: {type(error).__name__} {error}"
        return
    except ControlError as error:
        yield ("cloudfront",), error.message
        return
    for index, one in enumerate(file.cloudfront.distributions):
        if one.id in broken:
            yield ("cloudfront", "distributions", index), broken[one.id].message
