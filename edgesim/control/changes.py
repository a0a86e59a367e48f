"""Invalidations and faults."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from edgesim.control.desk import Desk
from edgesim.control.route import Answer, Call, Route, bad
from edgesim.core.cache import Tier
from edgesim.observe.iso import iso
from edgesim.world.commands import ClearFault, Invalidate, SetFault
from edgesim.world.refusals import unknown
from edgesim.world.state import Fault, Invalidation

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
FAULT_KINDS = ("stop", "partition", "slow", "error")

Path = Annotated[str, Field(max_length=4_100)]


class InvalidationRequest(BaseModel):
    """What to take out of the caches."""

    model_config = ConfigDict(extra="forbid", strict=True)

    paths: list[Path] = Field(
        min_length=1,
        max_length=10_000,
        description="Paths, each with a * at its end for all that begins so; a missing / in front is added.",
    )
    distribution: str | None = Field(
        default=None, description="Id, name, domain or alias; may be left out when there is only one."
    )
    caller_reference: str | None = Field(
        default=None, min_length=1, max_length=128, description="The same reference again is the same invalidation."
    )


class FaultRequest(BaseModel):
    """Something to break, or ``clear``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    target: str | None = Field(
        default=None, max_length=200, description="edge:POP, regional:REGION, origin:ID or link:A->B."
    )
    kind: str | None = Field(default=None, pattern="^(stop|partition|slow|error)$", description="What happens to it.")
    value: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        default=None, description="slow: milliseconds; error: the status to answer with."
    )
    id: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9._-]{1,64}$", description="A name of your own; the same again replaces it."
    )
    clear: bool | None = Field(default=None, description="true: mend everything.")


def invalidation_facts(desk: Desk, one: Invalidation) -> dict[str, Any]:
    """An invalidation in short."""
    return {
        "id": one.id,
        "status": one.status(desk.now),
        "distribution": one.distribution,
        "paths": list(one.paths),
        "caller_reference": one.caller_reference,
        "created": iso(one.at),
        "completed": iso(one.at + one.delay),
    }


async def invalidate(call: Call) -> Any:
    asked, desk = call.of(InvalidationRequest), call.desk
    distribution = desk.distribution(asked.distribution)
    reference = asked.caller_reference or f"edgesim-{secrets.token_hex(8)}"
    paths = tuple(path if path.startswith("/") else f"/{path}" for path in asked.paths)
    id = "I" + "".join(secrets.choice(_LETTERS) for _ in range(13))
    desk.apply(
        Invalidate(id=id, distribution=distribution, paths=paths, caller_reference=reference, at=desk.now),
    )
    for one in reversed(desk.world.invalidations):
        if one.distribution == distribution and one.caller_reference == reference:
            return Answer(201, invalidation_facts(desk, one))
    raise AssertionError("an invalidation that was accepted is there")


async def list_invalidations(call: Call) -> Any:
    desk = call.desk
    return {"invalidations": [invalidation_facts(desk, one) for one in reversed(desk.world.invalidations)]}


async def show_invalidation(call: Call) -> Any:
    desk, id = call.desk, call.path["id"]
    for one in desk.world.invalidations:
        if one.id == id:
            return {**invalidation_facts(desk, one), "caches": _progress(desk, one)}
    raise unknown("NoSuchInvalidation", "invalidation", id, [one.id for one in desk.world.invalidations])


def _progress(desk: Desk, one: Invalidation) -> list[dict[str, Any]]:
    """When it reaches each cache, the earliest first."""
    now = desk.now
    named = dict.fromkeys([(Tier.EDGE, pop) for pop in desk.world.edges])
    named |= dict.fromkeys((cache.tier, cache.name) for cache in desk.caches())
    found = [(one.due(name) if tier is Tier.EDGE else one.regional_due, tier, name) for tier, name in named]
    return [
        {
            "cache": name,
            "tier": tier.value,
            "due": iso(due),
            "due_in_s": max(0.0, round(due - now, 3)),
            "done": due <= now,
        }
        for due, tier, name in sorted(found, key=lambda item: (item[0], item[2]))
    ]


def fault_facts(fault: Fault) -> dict[str, Any]:
    """A fault."""
    value = fault.value if fault.kind in ("slow", "error") else None
    return {"id": fault.id, "target": fault.target, "kind": fault.kind, "value": value}


async def list_faults(call: Call) -> Any:
    return {"faults": [fault_facts(fault) for fault in call.desk.world.faults.values()]}


async def set_fault(call: Call) -> Any:
    asked, desk = call.of(FaultRequest), call.desk
    if asked.clear is not None:
        return _clear_all(asked, desk)
    if asked.target is None or asked.kind is None:
        missing = "target" if asked.target is None else "kind"
        raise bad(f"{missing}: found nothing; expected target and kind, or clear: true")
    if asked.value is not None and asked.kind in ("stop", "partition"):
        raise bad(f"value: found {asked.value:g}; {asked.kind} takes none")
    id, value = asked.id or _free_id(desk), asked.value or 0.0
    target = _target(desk, asked.target)
    match asked.kind:
        case "stop" | "partition" | "slow" | "error":
            desk.apply(SetFault(id=id, target=target, kind=asked.kind, value=value))
    return Answer(201, fault_facts(desk.world.faults[id]))


def _clear_all(asked: FaultRequest, desk: Desk) -> dict[str, Any]:
    if not asked.clear or asked.model_dump(exclude_none=True) != {"clear": True}:
        raise bad("clear: expected true, and nothing else beside it")
    cleared = list(desk.world.faults)
    for id in cleared:
        desk.apply(ClearFault(id=id))
    return {"cleared": cleared}


def _free_id(desk: Desk) -> str:
    number = 1
    while f"fault-{number}" in desk.world.faults:
        number += 1
    return f"fault-{number}"


def _target(desk: Desk, text: str) -> str:
    """An edge's POP code may be shortened here as everywhere."""
    kind, colon, name = text.partition(":")
    return f"edge:{desk.pop(name)}" if kind == "edge" and colon else text


async def clear_fault(call: Call) -> Any:
    call.desk.apply(ClearFault(id=call.path["id"]))
    return {"cleared": [call.path["id"]]}


_INVALIDATION = "id, status (InProgress, then Completed), distribution, paths, caller_reference, created, completed."

ROUTES = (
    Route(
        "POST",
        "/invalidations",
        invalidate,
        "Take paths out of the caches of a distribution",
        _INVALIDATION,
        body=InvalidationRequest,
        example={"paths": ["/wp-content/*"]},
        statuses=(201,),
    ),
    Route("GET", "/invalidations", list_invalidations, "All invalidations, the latest first", "invalidations."),
    Route(
        "GET",
        "/invalidations/{id}",
        show_invalidation,
        "One invalidation, and when it reaches each cache",
        _INVALIDATION[:-1] + ", and caches: due and done for each.",
        names={"id": "Invalidation id."},
    ),
    Route("GET", "/faults", list_faults, "The faults in force", "faults: id, target, kind, value."),
    Route(
        "POST",
        "/faults",
        set_fault,
        "Break something, or mend everything with clear",
        "The fault; with clear the ids of those that ended.",
        body=FaultRequest,
        example={"target": "link:SYD62-C1->site", "kind": "slow", "value": 500},
        statuses=(201, 200),
    ),
    Route(
        "DELETE",
        "/faults/{id}",
        clear_fault,
        "Mend what a fault broke",
        "cleared: its id.",
        names={"id": "Fault id."},
    ),
)
