"""The ways between viewer, caches and origin: how long they take, and what is broken on them on purpose."""

from __future__ import annotations

import random

from edgesim.core.behaviors import Origin
from edgesim.core.failures import Failure, FailureKind
from edgesim.core.latency import jittered
from edgesim.core.verdict import Leg
from edgesim.edge.hierarchy import Hierarchy
from edgesim.edge.origins import pause
from edgesim.world.state import Latency

TCP_TRIPS = 1
"""Round trips of a TCP handshake."""

TLS_TRIPS = {"TLSv1.3": 1}
"""Round trips of a TLS handshake; two before TLS 1.3."""


def lasting(latency: Latency, ms: float) -> float:
    """Milliseconds that a way of ``ms`` takes this time: jittered and scaled as the world asks."""
    if latency.jitter:
        ms = jittered(ms, latency.jitter, random.random() or 0.5)
    return ms * latency.scale


def handshake_trips(tls: str) -> int:
    """Round trips before the first request of a new connection. ``tls`` is the protocol, "" for none."""
    return TCP_TRIPS + (TLS_TRIPS.get(tls, 2) if tls else 0)


class Roads:
    """Modelled time and simulated faults, by the World of the moment."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self._hierarchy = hierarchy

    @property
    def real(self) -> bool:
        """Whether time passes on them."""
        return self._hierarchy.world.latency.mode == "real"

    async def travel(self, start: str, end: str, label: str = "") -> Leg:
        """Go from one stop to another and back: the leg, with its time passed where latency is real.

        ``label`` is what faults call the end, where that is not its place.
        """
        extra = self._slow(f"regional:{end}") if self._hierarchy.world.faults and not label else 0.0
        return await self._pass(start, label or end, self._hierarchy.leg_ms(start, end), extra)

    async def arrive(self, start: str, pop: str, rtt_ms: float, trips: int) -> Leg:
        """Come from a viewer to an edge. ``trips`` are the handshake's round trips, of a connection just made."""
        hierarchy = self._hierarchy
        handshakes = trips if hierarchy.world.latency.handshakes else 0
        extra = self._slow(f"edge:{pop}") if hierarchy.world.faults else 0.0
        return await self._pass(start, pop, rtt_ms * (1 + handshakes), extra)

    async def shake_hands(self, start: str, end: str, label: str, tls: str) -> Leg | None:
        """The round trips of a new connection between two stops, where the world asks for them."""
        if not self._hierarchy.world.latency.handshakes:
            return None
        ms = self._hierarchy.leg_ms(start, end) * handshake_trips(tls)
        return await self._pass(start, f"{label} (handshake)", ms)

    async def _pass(self, start: str, end: str, ms: float, extra: float = 0.0) -> Leg:
        hierarchy = self._hierarchy
        latency = hierarchy.world.latency
        ms = lasting(latency, ms) + extra
        if hierarchy.world.faults:
            ms += self._slow(f"link:{start}->{end}")
        if self.real:
            await pause(ms)
        return Leg(start, end, ms)

    def cut_off(self, name: str, after: str, *, edge: bool) -> Failure | None:
        """A simulated partition of a cache, or of its link to the next stop."""
        hierarchy = self._hierarchy
        if edge and hierarchy.world.states.get(name) == "partitioned":
            return Failure(FailureKind.CONNECT_TIMEOUT, f"{name} is cut off from everything behind it (simulated)")
        if not hierarchy.world.faults:
            return None
        kind = "edge" if edge else "regional"
        for target in (f"{kind}:{name}", f"link:{name}->{after}"):
            for fault in hierarchy.faults_on(target):
                if fault.kind == "partition":
                    return Failure(FailureKind.CONNECT_TIMEOUT, f"{target} is cut (simulated by fault {fault.id})")
        return None

    def cache_error(self, name: str, *, edge: bool) -> tuple[int, str] | None:
        """The status a cache answers with by a simulated fault, and the fault's id."""
        kind = "edge" if edge else "regional"
        for fault in self._hierarchy.faults_on(f"{kind}:{name}"):
            if fault.kind == "error":
                return int(fault.value), fault.id
        return None

    def origin_slow(self, origin: Origin) -> float:
        """Milliseconds an origin takes longer by simulated faults."""
        return self._slow(f"origin:{origin.id}")

    def _slow(self, target: str) -> float:
        return sum(fault.value for fault in self._hierarchy.faults_on(target) if fault.kind == "slow")

    def origin_fault(self, origin: Origin) -> Failure | int | None:
        """What an origin does instead of answering: fail, or answer with a status."""
        for fault in self._hierarchy.faults_on(f"origin:{origin.id}"):
            if fault.kind == "stop":
                return Failure(FailureKind.REFUSED, f"origin {origin.id} is down (simulated by fault {fault.id})")
            if fault.kind == "error":
                return int(fault.value)
        return None
