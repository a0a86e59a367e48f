"""The clock and the latency."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from edgesim.control.desk import Desk
from edgesim.control.route import Call, Route, bad
from edgesim.observe.iso import LATEST, from_iso, iso
from edgesim.world.commands import SetClock, SetLatency
from edgesim.world.units import UnitError, parse_duration

FASTEST = 1_000_000.0


class ClockChange(BaseModel):
    """One change of the clock: exactly one of these."""

    model_config = ConfigDict(extra="forbid", strict=True)

    advance: float | str | None = Field(
        default=None, description='Move on by seconds, or by a duration such as "25h" or "1 day".'
    )
    pause: bool | None = Field(default=None, description="true: stand still.")
    resume: bool | None = Field(default=None, description="true: run again, as fast as before.")
    speed: Annotated[float, Field(ge=0, le=FASTEST, allow_inf_nan=False)] | None = Field(
        default=None, description="Simulated seconds per real second; 0 stands still."
    )
    set: str | None = Field(default=None, description="Move on to a date with its zone: 2026-03-01T12:00:00Z.")


class LatencyChange(BaseModel):
    """How distances cost time; what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True)

    mode: str | None = Field(
        default=None, pattern="^(real|reported)$", description="real: delays are waited for. reported: only shown."
    )
    scale: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = Field(
        default=None, description="Factor on every modelled delay."
    )


def clock_facts(desk: Desk) -> dict[str, Any]:
    """The clock as it is."""
    clock, anchor = desk.running.clock, desk.world.clock
    now = clock.now()
    return {
        "now": round(now, 3),
        "iso": iso(now),
        "speed": anchor.speed,
        "paused": anchor.speed == 0,
        "offset_s": round(now - clock.real(), 3),
    }


async def show_clock(call: Call) -> Any:
    return clock_facts(call.desk)


async def change_clock(call: Call) -> Any:
    change, desk = call.of(ClockChange), call.desk
    given = change.model_dump(exclude_none=True)
    if len(given) != 1:
        found = " and ".join(given) or "nothing"
        raise bad(f"the body: found {found}; expected exactly one of advance, pause, resume, speed, set")
    if False in (change.pause, change.resume):
        raise bad(f"{next(iter(given))}: found false; expected true")
    clock = desk.running.clock
    real, now, speed = clock.real(), clock.now(), desk.world.clock.speed
    if change.advance is not None:
        now += _duration(change.advance)
    elif change.set is not None:
        now = _date(change.set)
    elif change.pause:
        speed = 0.0
    elif change.resume:
        speed = speed or desk.speed
    elif change.speed is not None:
        speed = change.speed
    if now > LATEST:
        raise bad(f"the clock ends in the year 9000, and this would be {now - clock.now():,.0f} s from now")
    desk.apply(SetClock(real=real, simulated=now, speed=speed))
    return clock_facts(desk)


def _duration(value: float | str) -> float:
    try:
        return parse_duration(value)
    except (UnitError, OverflowError) as error:
        raise bad(f"advance: {str(error)[:300]}") from None


def _date(text: str) -> float:
    try:
        return from_iso(text)
    except (ValueError, OverflowError):
        raise bad(f"set: found {text[:80]!r}; expected a date with its zone, such as 2026-03-01T12:00:00Z") from None


def latency_facts(desk: Desk) -> dict[str, Any]:
    """The latency settings as they are."""
    latency = desk.world.latency
    return {
        "mode": latency.mode,
        "scale": latency.scale,
        "access": latency.access,
        "jitter": latency.jitter,
        "handshakes": latency.handshakes,
    }


async def show_latency(call: Call) -> Any:
    return latency_facts(call.desk)


async def change_latency(call: Call) -> Any:
    change, desk = call.of(LatencyChange), call.desk
    if change.mode is None and change.scale is None:
        raise bad("the body: found nothing; expected mode (real or reported), scale, or both")
    mode = change.mode or desk.world.latency.mode
    desk.apply(SetLatency(mode="real" if mode == "real" else "reported", scale=change.scale))
    return latency_facts(desk)


_CLOCK = "now (seconds), iso, speed, paused, and offset_s, how far it is ahead of the machine's clock."
_LATENCY = "mode, scale, access, jitter, handshakes."

ROUTES = (
    Route("GET", "/clock", show_clock, "The simulated clock", _CLOCK),
    Route(
        "POST",
        "/clock",
        change_clock,
        "Move the clock on, pause it, or change its speed; it never goes back",
        _CLOCK,
        body=ClockChange,
        example={"advance": "25h"},
    ),
    Route("GET", "/latency", show_latency, "Whether and how distances cost time", _LATENCY),
    Route(
        "POST",
        "/latency",
        change_latency,
        "Wait for the modelled delays, or only report them",
        _LATENCY,
        body=LatencyChange,
        example={"mode": "reported"},
    ),
)
