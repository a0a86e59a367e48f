"""Back to the start: a world that keeps nothing becomes what its file says, as if just started."""

from __future__ import annotations

from typing import Any

from edgesim.control.route import Call, Route
from edgesim.control.time import clock_facts
from edgesim.errors import ControlError
from edgesim.world.commands import Reset


async def reset(call: Call) -> Any:
    """Forget documents, caches, counts, bill, faults and verdicts; refused where state is kept on disk."""
    desk = call.desk
    running = desk.running
    if not running.ephemeral:
        raise ControlError(
            "ResetRefused",
            "this world keeps its state; start one with --ephemeral to reset it, or stop this one and delete its "
            "state directory",
            409,
        )
    desk.apply(Reset(real=running.clock.real()))
    running.records.clear()
    desk.stats.clear()
    desk.billing.clear()
    return {"clock": clock_facts(desk), "distributions": list(desk.world.distributions)}


ROUTES = (
    Route(
        "POST",
        "/reset",
        reset,
        "Back to what the world file says, as if just started; only with --ephemeral (else 409)",
        "clock, and distributions: the ids of those of the file.",
    ),
)
