"""Asking an origin: which one, over what connection, how often, and what it is called when it fails (spec §6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ssl import SSLContext
from typing import Any

from edgesim.core.behaviors import Behavior, Distribution, Origin, OriginProtocol
from edgesim.core.failover import fails_over, may_fail_over
from edgesim.core.failures import Failure, FailureKind
from edgesim.core.forwarding import Upstream
from edgesim.core.messages import Headers
from edgesim.core.origin_signing import signed, signs
from edgesim.core.verdict import OriginTrip
from edgesim.observe.clock import Clock
from edgesim.tls.origin import classify, origin_context, verify_peer
from edgesim.wire.client import OriginFailed, OriginPool, OriginResponse, Target, Timeouts
from edgesim.wire.later import Ahead
from edgesim.world.warnings import no_address

RETRIED_METHODS = frozenset({"GET", "HEAD"})

OnInterim = Callable[[int, Headers], None]


@dataclass(slots=True)
class Visit:
    """What came of asking: an answer or a failure, and the record of the trip."""

    trip: OriginTrip
    response: OriginResponse | None = None
    failure: Failure | None = None
    simulated_status: int = 0


@dataclass(frozen=True, slots=True)
class Errand:
    """One request for an origin.

    ``build`` makes it for a given origin, which is the first one asked or not; ``travel`` lets the way there pass;
    ``connected`` is told the TLS protocol ("" without) of every connection made for it; ``faults`` says what the
    origin does instead, if anything.
    """

    method: str
    scheme: str
    build: Callable[[Origin, bool], Upstream]
    travel: Callable[[Origin], Awaitable[None]]
    connected: Callable[[Origin, str], Awaitable[None]]
    faults: Callable[[Origin], Failure | int | None]
    body: AsyncIterator[bytes] | None = None
    body_length: int | None = None
    on_interim: OnInterim | None = None
    ahead: Ahead | None = None


class Origins:
    """The origin side of every cache in this process."""

    def __init__(self, clock: Clock, trust: Callable[[], Sequence[bytes]]) -> None:
        self._clock = clock
        self._trust = trust
        self._contexts: dict[tuple[tuple[str, ...], bool], SSLContext] = {}
        self.pool = OriginPool(classify)

    async def close(self) -> None:
        """Close all connections."""
        await self.pool.close()

    def forget_trust(self) -> None:
        """The trust store has changed: make new contexts."""
        self._contexts.clear()

    async def ask(self, distribution: Distribution, behavior: Behavior, errand: Errand) -> Visit:
        """Ask an origin, or the members of an origin group in turn (spec §6.5)."""
        name = behavior.origin
        group = distribution.groups.get(name)
        if group is None:
            return await self._ask_one(distribution.origins[name], errand, True)
        first = await self._ask_one(distribution.origins[group.primary], errand, True)
        fails = fails_over(group, first.trip.status, first.failure)
        if not fails or not may_fail_over(errand.method, behavior):
            return first
        code = first.trip.status or (first.failure.kind.status if first.failure is not None else 0)
        if first.response is not None:
            first.response.abort()
        second = await self._ask_one(distribution.origins[group.secondary], errand, False)
        second.trip = replace(second.trip, failover=f"Failover:{code}")
        return second

    async def _ask_one(self, origin: Origin, errand: Errand, primary: bool) -> Visit:
        upstream = errand.build(origin, primary)
        if signs(origin.access):
            now = self._clock.now() - (0.0 if origin.simulated_clock else self._clock.skew())
            upstream = signed(origin.access, upstream, now)
        trip = OriginTrip(origin.id, sent=tuple(upstream.headers), target=upstream.target)
        await errand.travel(origin)
        simulated = errand.faults(origin)
        if isinstance(simulated, Failure):
            return Visit(trip, failure=simulated)
        if simulated is not None:
            return Visit(replace(trip, status=simulated), simulated_status=simulated)
        return await self._with_retries(origin, errand, upstream, trip)

    async def _with_retries(self, origin: Origin, errand: Errand, upstream: Upstream, trip: OriginTrip) -> Visit:
        """GET and HEAD are tried again after a read timeout, up to the connection attempts in total (spec §6.3)."""
        tries = origin.connection_attempts if errand.method in RETRIED_METHODS else 1
        ends = None
        if origin.completion_timeout is not None:
            ends = self._clock.monotonic() + origin.completion_timeout
        failure = Failure(FailureKind.READ_TIMEOUT)
        for attempt in range(1, tries + 1):
            try:
                response = await self._send(origin, errand, upstream, ends)
            except OriginFailed as failed:
                failure = failed.failure
                trip = replace(trip, attempts=attempt)
                if failure.kind is not FailureKind.READ_TIMEOUT:
                    break
                continue
            if not response.reused:
                await errand.connected(origin, "TLSv1.3" if self._secure(origin, errand.scheme) else "")
            times = response.timings
            trip = replace(
                trip,
                address=f"{response.remote[0]}:{response.remote[1]}" if response.remote else "",
                status=response.status,
                connect_ms=times.connect_ms,
                dns_ms=times.dns_ms,
                first_byte_ms=times.first_byte_ms,
                reused=response.reused,
                attempts=attempt,
            )
            return Visit(trip, response)
        return Visit(trip, failure=failure)

    async def _send(self, origin: Origin, errand: Errand, upstream: Upstream, ends: float | None) -> OriginResponse:
        if not origin.address:
            raise OriginFailed.of(FailureKind.DNS, no_address(origin.domain))
        left = None if ends is None else ends - self._clock.monotonic()
        if left is not None and left <= 0:
            raise OriginFailed.of(FailureKind.COMPLETION_TIMEOUT)
        timeouts = Timeouts(
            origin.connection_timeout,
            origin.connection_attempts,
            origin.response_timeout,
            left,
            origin.keepalive_timeout,
        )
        target = self._target(origin, errand.scheme, upstream.host)
        return await self.pool.send(
            target,
            upstream.method,
            upstream.target,
            upstream.headers,
            errand.body,
            errand.body_length,
            timeouts,
            on_interim=errand.on_interim,
            ahead=errand.ahead,
        )

    def _target(self, origin: Origin, scheme: str, host: str) -> Target:
        secure = self._secure(origin, scheme)
        port = origin.https_port if secure else origin.http_port
        if not secure:
            return _plain_target(origin.address, port)
        forwarded = _name(host)
        names = tuple(dict.fromkeys((origin.domain, forwarded)))
        context = self._context(origin.ssl_protocols, origin.verify)

        def verify(tls: Any) -> None:
            if origin.verify:
                verify_peer(tls, names, self._clock.now())

        key = ("https", origin.address, port, forwarded, origin.ssl_protocols, origin.verify)
        return Target("https", origin.address, port, forwarded, context, verify, key)

    @staticmethod
    def _secure(origin: Origin, scheme: str) -> bool:
        if origin.protocol is OriginProtocol.MATCH_VIEWER:
            always = origin.access is not None and origin.access.signing == "always"
            return scheme == "https" or always  # what is always signed goes over HTTPS (spec §6.8)
        return origin.protocol is OriginProtocol.HTTPS_ONLY

    def _context(self, protocols: tuple[str, ...], verify: bool) -> SSLContext:
        key = (protocols, verify)
        if key not in self._contexts:
            self._contexts[key] = origin_context(self._trust(), protocols, verify)
        return self._contexts[key]


def _name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


@lru_cache(maxsize=1024)
def _plain_target(address: str, port: int) -> Target:
    """Where plain requests go; asked for with every request."""
    return Target("http", address, port, None, None, None, ("http", address, port))


async def pause(ms: float) -> None:
    """Let modelled time pass, without holding anything up."""
    if ms > 0:
        await asyncio.sleep(ms / 1000)
