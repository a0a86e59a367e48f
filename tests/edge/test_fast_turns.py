"""The fast path answers so many requests a turn of the loop; those beyond are answered in the next, just the same."""

from __future__ import annotations

import asyncio
import socket

import pytest
from fast_worlds import FastWorld, fast_world, request

from edgesim.wire import waiting
from support.live_edge import until

pytestmark = pytest.mark.live
ONE = request("/one.plain")
TWO = request("/two.plain")


@pytest.fixture(autouse=True)
def one_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "INLINE", 1)


def spend(world: FastWorld) -> None:
    """This turn's share is used up."""
    world.running.listener.turn.left = 0


async def test_many_at_once_are_all_answered_alike() -> None:
    async with fast_world() as world:
        await world.learnt(ONE)
        viewers = [await world.viewer() for _ in range(20)]
        before = world.hits
        got = await asyncio.gather(*(viewer.ask(ONE) for viewer in viewers))
        assert {one.status for one in got} == {200}
        assert len({one.masked for one in got}) == 1
        assert world.hits == before + 20


async def test_what_comes_behind_one_that_waits_is_answered_after_it() -> None:
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        spend(world)
        viewer.writer.write(ONE + TWO)
        first, second = await viewer.read(), await viewer.read()
        assert (first.status, second.status) == (200, 200)
        assert first.body != second.body


async def test_a_viewer_who_sends_no_more_is_answered() -> None:
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        spend(world)
        viewer.writer.write(ONE)
        viewer.writer.write_eof()
        assert (await viewer.read()).status == 200


async def test_a_viewer_who_left_is_let_go() -> None:
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        open_before = world.running.listener.connections
        spend(world)
        sock = viewer.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        viewer.writer.write(ONE)
        viewer.writer.transport.abort()
        await until(lambda: world.running.listener.connections < open_before)
        other = await world.viewer()
        assert (await other.ask(ONE)).status == 200
