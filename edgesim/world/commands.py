"""The commands that change a World: small frozen values that go to JSON and back unchanged.

Times are seconds since the epoch: ``real`` on the machine's clock, ``at`` on the simulated one.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from edgesim.errors import ControlError
from edgesim.world.fields import Model

EdgeState = Literal["up", "stopped", "partitioned"]
FaultKind = Literal["stop", "partition", "slow", "error"]


class Configure(Model):
    """Run this world file from now on. ``document`` is its content with everything filled in."""

    command: Literal["configure"] = "configure"
    source: str
    document: dict[str, JsonValue]
    real: float


class BindSite(Model):
    """The toy site listens here now."""

    command: Literal["bind_site"] = "bind_site"
    address: str = "127.0.0.1"
    http_port: int = Field(ge=0, le=65_535)
    https_port: int = Field(default=0, ge=0, le=65_535)


class SetClock(Model):
    """At real time ``real`` the simulated clock shows ``simulated`` and runs with ``speed``; 0 is a pause."""

    command: Literal["set_clock"] = "set_clock"
    real: float
    simulated: float
    speed: float = 1.0


class SetEdge(Model):
    """An edge is up, stopped (gone), or partitioned (up, but cut off from everything behind it)."""

    command: Literal["set_edge"] = "set_edge"
    pop: str
    state: EdgeState


class Invalidate(Model):
    """Take paths out of the caches of a distribution."""

    command: Literal["invalidate"] = "invalidate"
    id: str
    distribution: str
    paths: tuple[str, ...]
    caller_reference: str
    at: float


class SetLatency(Model):
    """Wait for the modelled delays, or only report them; ``scale`` stays as it is unless given."""

    command: Literal["set_latency"] = "set_latency"
    mode: Literal["real", "reported"]
    scale: float | None = Field(default=None, ge=0, le=100)


class SetFault(Model):
    """Break something until ``ClearFault``.

    ``target`` is ``edge:POP``, ``regional:REGION``, ``origin:ID`` or ``link:A->B``, with A and B each one of the
    others' names. ``kind``: stop and partition have no value, slow adds ``value`` milliseconds, error answers
    with status ``value``.
    """

    command: Literal["set_fault"] = "set_fault"
    id: str = Field(min_length=1)
    target: str
    kind: FaultKind
    value: float = 0.0


class ClearFault(Model):
    """Mend what a fault broke."""

    command: Literal["clear_fault"] = "clear_fault"
    id: str


class PutRecord(Model):
    """Create or replace a document of the API (see ``Record``), and everything that follows from it.

    ``expect`` is the version that must be there now, 0 for none: of two writers the second is refused.
    """

    command: Literal["put_record"] = "put_record"
    family: str = Field(min_length=1)
    id: str = Field(min_length=1)
    config: dict[str, JsonValue]
    facts: dict[str, JsonValue] = Field(default={})
    tags: dict[str, str] = Field(default={})
    at: float
    expect: int = Field(ge=0)


class DropRecord(Model):
    """Delete a document of the API."""

    command: Literal["drop_record"] = "drop_record"
    family: str
    id: str
    at: float
    expect: int = Field(ge=1)


class Reset(Model):
    """Back to what the file says: clock, edges, latency, distributions and policies; nothing else is left.

    No documents of the API, faults or invalidations. Caches are emptied by drivers.
    """

    command: Literal["reset"] = "reset"
    real: float


Command = (
    Configure
    | BindSite
    | SetClock
    | SetEdge
    | Invalidate
    | SetLatency
    | SetFault
    | ClearFault
    | PutRecord
    | DropRecord
    | Reset
)

_ANY: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="command")])


def to_json(command: Command) -> str:
    """One line of JSON."""
    return command.model_dump_json()


def from_json(text: str | bytes) -> Command:
    """The command of a line of JSON; raises ``ControlError``."""
    try:
        return _ANY.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ControlError("InvalidArgument", f"not a command: {where}: {first['msg']}", 400) from None
