"""Where latency is real the fast path answers when the viewer's way has taken its time, and as the full path does."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from fast_worlds import NEAR, FastWorld, Got, Viewer, fast_world, origin, plain, request
from test_fast_dropped import invalidate
from test_fast_never import _authority, _lenient

from edgesim.core.reasons import Outcome
from edgesim.wire.closing import State
from edgesim.wire.connection import Connection
from edgesim.world.commands import Command, SetClock, SetEdge, SetFault, SetLatency
from support.live_edge import until

pytestmark = pytest.mark.live
REAL = {"mode": "real", "scale": 2.0}
ONE = request("/one.plain", "X-Edgesim-Location: New York", f"X-Edgesim-Edge: {NEAR}")
TWO = request("/two.plain", "X-Edgesim-Location: New York", f"X-Edgesim-Edge: {NEAR}")


def way(world: FastWorld, got: Got) -> float:
    """Modelled seconds between the viewer and his edge."""
    return world.verdict(got).legs[0].ms / 1000


def waiting(world: FastWorld) -> list[Connection]:
    """Connections with a request that waits for its time."""
    return [one for page in world.running.listener.calendar._pages.values() for one, _ in page]  # type: ignore[misc]


async def asked(world: FastWorld, viewer: Viewer, sent: bytes = ONE) -> None:
    """Send, and return while the request waits."""
    viewer.writer.write(sent)
    await until(lambda: bool(waiting(world)))


def reset(viewer: Viewer) -> None:
    """Leave without a farewell: who only says that he sends no more is still answered."""
    sock = viewer.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    viewer.writer.transport.abort()


async def test_answers_and_verdicts_are_the_same_and_as_late() -> None:
    async with AsyncExitStack() as stack:
        port, _ = await stack.enter_async_context(origin())
        worlds = [
            await stack.enter_async_context(fast_world(fast=fast, port=port, latency=REAL)) for fast in (True, False)
        ]
        viewers = [await world.viewer() for world in worlds]
        for number in range(5):
            one, other = [await viewer.ask(ONE) for viewer in viewers]
            assert one.masked == other.masked
            left, right = [world.verdict(got) for world, got in zip(worlds, (one, other), strict=True)]
            if left.outcome is Outcome.HIT:
                assert plain(left) == plain(right)
            for verdict in (left, right):
                late = verdict.first_byte_ms - verdict.legs[0].ms
                assert -2 < late < 200, number
                assert verdict.total_ms >= verdict.first_byte_ms
        assert [world.hits for world in worlds] == [3, 0]


async def test_jitter_is_drawn_for_each_request() -> None:
    async with fast_world(latency={**REAL, "jitter": 0.5}) as world:
        viewer, _ = await world.learnt(ONE)
        verdicts = [world.verdict(await viewer.ask(ONE)) for _ in range(6)]
        assert len({round(verdict.first_byte_ms / 5) for verdict in verdicts}) > 1
        assert len({verdict.legs for verdict in verdicts}) == 1


async def test_many_wait_side_by_side() -> None:
    async with fast_world(latency=REAL) as world:
        _, got = await world.learnt(ONE)
        viewers = [await world.viewer() for _ in range(30)]
        before, started = world.hits, monotonic()
        answers = await asyncio.gather(*(one.ask(ONE) for one in viewers))
        assert {one.masked for one in answers} == {got.masked}
        assert way(world, got) - 0.002 < monotonic() - started < 15 * way(world, got)
        assert world.hits == before + 30  # without handshakes to wait for, a first request is like any other


async def test_handshakes_are_the_full_paths_business() -> None:
    async with fast_world(latency={**REAL, "handshakes": True}) as world:
        _, got = await world.learnt(ONE)
        viewer = await world.viewer()
        for expected in (False, True):
            started = monotonic()
            fast, _ = await world.answered(ONE, viewer)
            assert fast is expected
            assert (monotonic() - started > 2 * way(world, got) - 0.002) is not expected


# What changes while a request waits


def _reported(world: FastWorld) -> Command:
    return SetLatency(mode="reported")


def _stopped(world: FastWorld) -> Command:
    return SetEdge(pop=NEAR, state="stopped")


def _invalidated(world: FastWorld) -> Command:
    return invalidate(world, "/one.*")


def _later(world: FastWorld) -> Command:
    clock = world.running.clock
    return SetClock(real=clock.real(), simulated=clock.now() + 601, speed=0)


def _failing(world: FastWorld) -> Command:
    return SetFault(id="f", target=f"edge:{NEAR}", kind="error", value=503)


@pytest.mark.parametrize("change", [_reported, _stopped, _invalidated, _later, _failing])
async def test_a_change_while_a_request_waits(change: Callable[[FastWorld], Command]) -> None:
    """The full path answers, by the World of now for a viewer who came in the World of then, and after one wait."""
    async with AsyncExitStack() as stack:
        port, _ = await stack.enter_async_context(origin())
        found: list[tuple[Got, Any]] = []
        for fast in (True, False):
            world = await stack.enter_async_context(fast_world(fast=fast, port=port, latency=REAL))
            viewer = await world.viewer()
            for _ in range(3):
                got = await viewer.ask(ONE)
            leg, before = way(world, got), world.hits
            started = monotonic()
            viewer.writer.write(ONE)
            await asyncio.sleep(leg / 4)
            assert len(waiting(world)) == fast
            world.apply(change(world))
            got = await viewer.read()
            assert leg - 0.002 < monotonic() - started < 1.8 * leg
            assert world.hits == before
            verdict = world.verdict(got)
            assert leg - 0.002 < verdict.first_byte_ms / 1000 < 1.8 * leg
            assert verdict.visitor.port == viewer.port
            found.append((got, replace(plain(verdict), origin=None)))
        assert found[0][0].masked == found[1][0].masked
        assert found[0][1] == found[1][1]


async def test_an_expiry_while_a_request_waits() -> None:
    """No command tells of it: the clock runs."""
    async with fast_world(latency=REAL, clock={"start": "2026-03-01T12:00:00Z", "speed": 1.0}) as world:
        viewer, got = await world.learnt(ONE)
        leg, before = way(world, got), world.hits
        clock = world.running.clock
        real = clock.real
        await asked(world, viewer)
        started = monotonic()
        clock.real = lambda: real() + 601
        got = await viewer.read()
        assert got.cached in ("Miss", "RefreshHit")
        assert monotonic() - started < 1.8 * leg
        assert world.hits == before


async def test_an_entry_that_is_replaced_while_a_request_waits() -> None:
    async with fast_world(latency=REAL) as world:
        viewer, _ = await world.learnt(ONE)
        await asked(world, viewer)
        world.running.hierarchy.clear()
        world.origin.stamp = "B"
        got = await viewer.read()
        assert (got.cached, got.body[:1]) == ("Miss", b"B")


async def test_age_is_that_of_the_answer() -> None:
    async with fast_world(latency=REAL) as world:
        viewer, _ = await world.learnt(ONE)
        await asked(world, viewer)
        now = world.running.clock.now
        world.running.clock.now = lambda: now() + 30  # type: ignore[method-assign]
        got = await viewer.read()
        assert (got["Age"], got.cached) == ("30", "Hit")
        assert world.verdict(got).age == 30


# What viewers do meanwhile


async def test_what_comes_behind_a_request_that_waits() -> None:
    """It is answered after it, in order, each after its own wait."""
    async with fast_world(latency=REAL) as world:
        viewer, _ = await world.learnt(ONE)
        _, got = await world.learnt(TWO, viewer)
        leg = way(world, got)
        await asked(world, viewer)
        started = monotonic()
        viewer.writer.write(TWO)
        await asyncio.sleep(0.01)
        viewer.writer.write(ONE[:20])
        assert [(await viewer.read()).body.split()[2] for _ in range(2)] == [b"/one.plain", b"/two.plain"]
        assert monotonic() - started > 1.5 * leg
        viewer.writer.write(ONE[20:])
        assert (await viewer.read()).body.split()[2] == b"/one.plain"
        fast, _ = await world.answered(TWO, viewer)
        assert fast


async def test_a_flood_behind_a_request_that_waits_is_held() -> None:
    async with fast_world(latency={"mode": "real", "scale": 8.0}) as world:
        viewer, _ = await world.learnt(ONE)
        await asked(world, viewer)
        connection = waiting(world)[0]
        many, padded = 600, request("/one.plain", "X-Pad: " + "x" * 1_000)
        viewer.writer.write(padded * many)
        await asyncio.sleep(0.3)
        assert waiting(world) == [connection]
        assert len(connection._buffer) <= connection.limits.pipeline_bytes + 256 * 1024 < many * len(padded)
        world.apply(SetLatency(mode="reported"))
        for _ in range(many + 1):
            assert (await viewer.read()).status == 200


async def test_a_viewer_who_leaves_while_he_waits() -> None:
    """Nothing is sent, and the request is on record, as on the full path."""
    counted = []
    for fast in (True, False):
        async with fast_world(fast=fast, latency=REAL) as world:
            viewer = await world.viewer()
            for _ in range(3):
                got = await viewer.ask(ONE)
            viewer.writer.write(ONE)
            await asyncio.sleep(way(world, got) / 4)
            reset(viewer)
            await until(lambda world=world: world.running.listener.connections == 0)  # type: ignore[misc]
            total = world.running.records.total
            await until(lambda world=world, total=total: world.running.records.total > total)  # type: ignore[misc]
            newest = world.running.records.last()[0]
            counted.append(plain(newest))
            assert newest.bytes_out == 0
            assert world.hits == 2 * fast
    assert replace(counted[0], visitor=counted[1].visitor) == counted[1]


async def test_a_viewer_who_leaves_before_a_change() -> None:
    """The full path has it then, and stores what it fetches for nobody."""
    async with fast_world(latency=REAL) as world:
        viewer, _ = await world.learnt(ONE)
        await asked(world, viewer)
        asked_before, total = world.origin.asked, world.running.records.total
        reset(viewer)
        await until(lambda: world.running.listener.connections == 0)
        world.apply(invalidate(world, "/one.*"))
        await until(lambda: world.running.records.total > total)
        assert (world.running.records.last()[0].outcome, world.origin.asked) == (Outcome.MISS, asked_before + 1)
        assert not world.running.listener.tasks


async def test_a_half_closed_viewer_is_answered_and_closed() -> None:
    async with fast_world(latency=REAL) as world:
        viewer, learned = await world.learnt(ONE)
        before = world.hits
        await asked(world, viewer)
        viewer.writer.write_eof()
        assert (await viewer.read()).masked == learned.masked
        assert await viewer.ended() == b""
        assert world.hits == before + 1


async def test_over_tls() -> None:
    async with fast_world(latency=REAL, tls={"viewer": True}) as world:
        context = _lenient(ssl.create_default_context(cafile=str(_authority(world))))
        viewer, got = await world.learnt(ONE, await world.viewer(tls=context))
        assert world.verdict(got).tls[0] == "TLSv1.3"
        await asked(world, viewer)
        reset(viewer)
        total = world.running.records.total
        await until(lambda: world.running.records.total > total)


# Time, and the end


async def test_the_idle_timer_does_not_strike_while_a_request_waits() -> None:
    async with fast_world(latency=REAL) as world:
        viewer, learned = await world.learnt(ONE)
        await asked(world, viewer)
        connection = waiting(world)[0]
        assert connection._state is State.WAIT
        assert not connection.resting
        assert connection.deadline == float("inf")
        assert (await viewer.read()).masked == learned.masked
        assert connection.deadline < float("inf")  # idle from now on


async def test_a_graceful_end_answers_who_waits() -> None:
    async with fast_world(latency=REAL) as world:
        viewer, learned = await world.learnt(ONE)
        await asked(world, viewer)
        await world.running.listener.close()
        got = await viewer.read()
        assert (got.status, got.body, got["Connection"]) == (200, learned.body, "close")
        assert await viewer.ended() == b""
        verdict = world.verdict(got)
        assert verdict.first_byte_ms < 1_800 * way(world, learned)


async def test_an_end_without_patience_records_who_waited() -> None:
    async with fast_world(latency={"mode": "real", "scale": 8.0}) as world:
        viewer, _ = await world.learnt(ONE)
        await asked(world, viewer)
        total = world.running.records.total
        await world.running.listener.close(grace_s=0.01)
        assert await viewer.ended() == b""
        assert world.running.records.total == total + 1
        assert not world.running.records.last()[0].complete
        assert not waiting(world)
