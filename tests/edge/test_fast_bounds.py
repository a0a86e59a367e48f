"""What is learned is bounded in bytes, whoever asks for whatever; and so is a viewer who does not read."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import tracemalloc
from pathlib import Path
from random import Random

import pytest
from fast_worlds import FastWorld, Viewer, fast_world, request

from edgesim.edge import fast as module
from edgesim.edge.learned import Block, Prepared
from edgesim.wire.limits import ListenerLimits

pytestmark = pytest.mark.live
MIB = 1 << 20


def resident() -> int:
    """This process's memory in bytes."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def learned(world: FastWorld) -> list[object]:
    """Everything the tables hold."""
    found: list[object] = []
    tables: dict[int, dict[bytes, Prepared]] = {}
    for lane in world.fast._lanes.values():
        found += [*lane.blocks.values(), *lane.kinds.values()]
        tables |= {id(table): table for table in lane.kinds.values()}
        tables |= {id(block.targets): block.targets for block in lane.blocks.values()}
    return found + [prepared for table in tables.values() for prepared in table.values()]


async def test_random_heads_and_targets_stay_within_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would be remembered, as each is answered from the cache: the query and most headers are not in the key.

    Two hundred thousand of them: ``python tests/edge/soak.py 200000 1``.
    """
    monkeypatch.setattr(module, "MOST_LEARNED", 2 * MIB)
    monkeypatch.setattr(module, "LEARNED_AT_ONCE", 1_000_000)
    random = Random(7)
    steps = [
        lambda n: request(f"/one.plain?{random.random()}"),
        lambda n: request("/one.plain", f"User-Agent: {random.random()}"),
        lambda n: request("/cors/one.plain", f"Origin: https://{n}.b.test"),
        lambda n: request("/one.plain", f"X-Tenant: {random.random()}", f"X-Pad: {'x' * random.randrange(3000)}"),
        lambda n: request("/one.plain", f"Cookie: session={random.random()}"),
        lambda n: request("/one.plain", f"X-Edgesim-Location: {random.uniform(50, 52):.3f},0.{n}"),
        lambda n: request(f"/gzip/one.big?{n}", "Accept-Encoding: gzip"),
    ]
    async with fast_world() as world:
        world.running.records._limit = 100  # that ring is bounded by number
        viewer, _ = await world.learnt(request("/one.plain"))
        sizes, memory = [], []
        for number in range(14_000):
            await viewer.ask(steps[number % len(steps)](number))
            if number % 1_000 == 999:
                sizes.append(world.fast._size)
                assert sum(size for _, _, size in world.fast._learned) == world.fast._size
                assert len(learned(world)) <= len(world.fast._learned)
                memory.append(resident())
        assert module.MOST_LEARNED * 0.9 < max(sizes) <= module.MOST_LEARNED
        assert memory[-1] - memory[6] < 16 * MIB


async def test_the_oldest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LEARNED", 30_000)
    async with fast_world() as world:
        viewer, _ = await world.learnt(request("/one.plain", "User-Agent: first"))
        for number in range(30):
            await world.learnt(request("/one.plain", f"User-Agent: {number}"), viewer)
        fast, _ = await world.answered(request("/one.plain", "User-Agent: 29"), viewer)
        assert fast
        fast, _ = await world.answered(request("/one.plain", "User-Agent: first"), viewer)
        assert not fast


async def test_once_much_is_learned_only_what_comes_again_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random heads and targets then cost no more than a look, and what was seen is remembered in little memory."""
    monkeypatch.setattr(module, "LEARNED_AT_ONCE", 0)
    monkeypatch.setattr(module, "MOST_SEEN", 50)
    async with fast_world() as world:
        viewer = await world.viewer()
        for number in range(60):
            await viewer.ask(request(f"/one.plain?{number}", f"User-Agent: {number}"))
        assert not world.fast._learned
        assert len(world.fast._seen) <= 50
        again = request("/one.plain?again", "User-Agent: again")
        assert [(await world.answered(again, viewer))[0] for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize(
    ("what", "head"),
    [
        ("targets", lambda n: request(f"/one.plain?{n}{'q' * 4_000}")),
        ("targets under long blocks", lambda n: request(f"/one.plain?{n}", f"X-Pad: {'x' * 12_000}")),
        ("blocks", lambda n: request("/one.plain", f"X-Pad: {n}{'x' * 4_000}")),
        ("many lines", lambda n: request("/one.plain", *(f"X-{n}-{i}: {i}" for i in range(200)))),
        ("kinds", lambda n: request("/one.plain", f"Origin: https://{n}.test{'x' * 2_000}")),
        ("bodies", lambda n: request(f"/gzip/one.bulk?{n}", "Accept-Encoding: gzip")),
        ("short ones", lambda n: request("/one.plain", f"A: {n}")),
    ],
)
async def test_the_size_is_honest(what: str, head: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tables really hold is within their own account of it."""
    async with fast_world() as world:
        world.running.records._limit = 1
        world.origin.bulk = 100_000
        viewer = await world.viewer()
        for number in range(20):
            await world.learnt(head(-number), viewer)  # type: ignore[operator]
        gc.collect()
        tracemalloc.start()
        size = world.fast._size
        for number in range(300):
            for _ in range(2):
                await viewer.ask(head(number))  # type: ignore[operator]
        world.fast.flush()
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert world.fast._size > size
        assert held <= (world.fast._size - size) * 1.25 + 300_000, what


async def test_kinds_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LEARNED", 200_000)
    async with fast_world() as world:
        viewer = await world.viewer()
        for number in range(600):
            await viewer.ask(request("/one.plain", f"Origin: https://{number}.test"))
        assert sum(len(lane.kinds) for lane in world.fast._lanes.values()) < 300


async def test_a_huge_body_does_not_push_everything_out() -> None:
    async with fast_world(edge_defaults={"cache": 200_000_000}) as world:
        viewer, _ = await world.learnt(request("/one.plain"))
        world.origin.bulk = 9_900_000
        other = await world.viewer()
        for number in range(12):
            await other.ask(request(f"/allquery/one.bulk?{number}", "Accept-Encoding: identity"))
        fast, _ = await world.answered(request("/one.plain"), viewer)
        assert fast
        assert world.fast._size <= module.MOST_LEARNED


async def test_what_a_cache_has_lost_is_not_kept_by_what_was_learned() -> None:
    """Neither the tables nor the records of late hold bodies that the cache let go of."""
    async with fast_world(edge_defaults={"cache": 3_000_000}) as world:
        world.origin.bulk = 1_000_000
        viewer = await world.viewer()
        gc.collect()
        tracemalloc.start()
        for number in range(30):
            await world.learnt(request(f"/{number}.bulk"), viewer)
        world.fast.flush()
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert held < 8_000_000


async def test_nor_are_framed_bodies_kept_by_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer without a length is kept a second time, as chunks, once for each target that leads to it."""
    monkeypatch.setattr(module, "MOST_LEARNED", 2_000_000)
    async with fast_world() as world:
        world.origin.bulk = 400_000
        viewer = await world.viewer()
        gc.collect()
        tracemalloc.start()
        for number in range(40):
            await world.learnt(request(f"/one.stream?{number}"), viewer)
        world.fast.flush()
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert held < 4_500_000


async def test_one_lane_per_address_and_no_more_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LANES", 50)
    async with fast_world() as world:
        for number in range(1, 120):
            viewer = await world.viewer(source=f"127.0.2.{number}")
            await world.learnt(request("/one.plain"), viewer)
            await viewer.close()
            assert len(world.fast._lanes) <= 50


async def test_the_tables_know_only_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Block and Prepared are all there is in them."""
    async with fast_world() as world:
        await world.learnt(request("/one.plain"))
        kinds = {type(one) for one in learned(world)}
        assert kinds == {Block, Prepared, dict}


# Viewers


async def test_a_viewer_who_never_reads() -> None:
    """He gets no more than a buffer holds, and is cut in the end."""
    async with fast_world() as world:
        listener = world.running.listener
        listener.limits = ListenerLimits(write_buffer=64 * 1024, write_s=0.5)
        listener._deadlines.refine(0.5)  # type: ignore[union-attr]
        world.origin.bulk = 20_000
        sent = request("/one.bulk")
        await world.learnt(sent)
        at = world.running.http
        assert at is not None
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            await loop.sock_connect(sock, (at.host, at.port))
            await loop.sock_sendall(sock, sent)
            got = b""
            while len(got) < 20_000:  # once he does: now the connection is known
                got += await loop.sock_recv(sock, 65_536)
            connection = max(listener._open(), key=lambda one: one.id)
            before, largest = world.hits, 0
            for _ in range(20_000):
                try:
                    async with asyncio.timeout(10):
                        await loop.sock_sendall(sock, sent)
                except (ConnectionError, TimeoutError):
                    break
                await asyncio.sleep(0.0005)
                if not connection.lost:
                    largest = max(largest, connection.transport.get_write_buffer_size())
            assert connection.lost
            assert world.hits > before + 2
            assert largest < 64 * 1024 + 3 * 21_000


async def test_a_graceful_end_loses_no_answer() -> None:
    async with fast_world() as world:
        sent = request("/one.plain")
        viewers = [(await world.learnt(sent))[0] for _ in range(20)]
        stop = asyncio.Event()
        counts = [0] * len(viewers)

        async def keep_asking(at: int) -> bool:
            """True when the connection ended between two answers, and never within one."""
            viewer = viewers[at]
            while True:
                try:
                    got = await viewer.ask(sent)
                except (ConnectionError, asyncio.IncompleteReadError) as ended:
                    return not getattr(ended, "partial", b"")
                assert got.status == 200
                counts[at] += 1
                if sum(counts) > 500:
                    stop.set()

        asking = [asyncio.ensure_future(keep_asking(at)) for at in range(len(viewers))]
        await stop.wait()
        await world.running.listener.close()
        assert all(await asyncio.gather(*asking))
        world.fast.flush()
        counted = world.stats.facts()["total"]["requests"]
        assert counted >= sum(counts)
        assert world.running.records.total == counted


async def test_a_soak_keeps_memory_flat() -> None:
    """100,000 answers of the fast path; the million is ``python tests/edge/soak.py``."""
    async with fast_world() as world:
        sent = [request("/one.plain"), request("/both/one.big", "Accept-Encoding: br")]
        viewers = []
        for _ in range(8):
            viewer, _ = await world.learnt(sent[0])
            viewers.append((await world.learnt(sent[1], viewer))[0])

        async def ask(viewer: Viewer) -> None:
            for number in range(50_000 // len(viewers)):
                await viewer.ask(sent[number % 50 == 0])

        before, memory = world.hits, []
        for _ in range(2):
            await asyncio.gather(*(ask(viewer) for viewer in viewers))
            gc.collect()
            memory.append(resident())
        assert world.hits - before == 100_000
        assert memory[1] - memory[0] < 8 * MIB
