"""The learned relay when things go wrong, or become more than it can judge: the full path goes on from there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fast_worlds import _ID, FAR, request
from passing_worlds import ONE, Talk, answered, bare, passed, patient, relayed, reset, staged, wire

from edgesim.core.failures import FailureKind
from edgesim.edge import fast as module
from edgesim.edge.passing import MOST_HEARD, MOST_STRANGE
from edgesim.world.commands import ClearFault, Invalidate, Reset, SetFault, SetLatency
from support.live_edge import until

pytestmark = pytest.mark.live


def write(data: bytes) -> Callable[[Talk, int], None]:
    """A script that answers so."""
    return lambda talk, number: talk.transport.write(data)


def in_pieces(*pieces: bytes) -> Callable[[Talk, int], None]:
    """A script that sends pieces which arrive apart, as the loop turns many times between them."""

    def script(talk: Talk, number: int) -> None:
        async def send() -> None:
            for piece in pieces:
                talk.transport.write(piece)
                await asyncio.sleep(0.02)

        talk.stage.work = asyncio.get_running_loop().create_task(send())  # type: ignore[attr-defined]

    return script


def cut_after(data: bytes) -> Callable[[Talk, int], None]:
    """A script that sends something and hangs up."""

    def script(talk: Talk, number: int) -> None:
        talk.transport.write(data)
        talk.transport.close()

    return script


WHOLE = wire()
OTHERS: dict[str, Callable[[Talk, int], None]] = {
    "another body of the same length": write(wire(body=b"world")),
    "a longer one": write(wire(body=b"hello world")),
    "another header": write(wire(200, "X-New: 1")),
    "another status": write(wire(404)),
    "an error": write(wire(503)),
    "no content": write(wire(204, body=b"", length=-1)),
    "chunked": write(wire(200, "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n", length=-1)),
    "until the end": cut_after(wire(length=-1)),
    "in pieces": in_pieces(WHOLE[:20], WHOLE[20:-3], WHOLE[-3:]),
    "head, then body": in_pieces(WHOLE[:-5], WHOLE[-5:]),
    "early hints": write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + WHOLE),
    "early hints before": in_pieces(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n", WHOLE),
    "go on": write(b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE),
    "go on before": in_pieces(b"HTTP/1.1 100 Continue\r\n\r\n", WHOLE),
    "more than whole": write(WHOLE + b"X"),
    "two answers": write(WHOLE + WHOLE),
    "no HTTP": write(b"hello\r\n\r\n"),
    "LF in the date": write(WHOLE.replace(b"GMT", b"G\nT")),
    "a NUL in the date": write(WHOLE.replace(b"2026", b"20\x006")),
    "a folded date": write(WHOLE.replace(b"GMT\r\n", b"GMT\r\n folded\r\n")),
    "cut in the head": cut_after(WHOLE[:30]),
    "cut in the body": cut_after(WHOLE[:-2]),
    "cut before": cut_after(b""),
    "the last one": cut_after(WHOLE),
    "it closes": write(wire(200, "Connection: close")),
}


@pytest.mark.parametrize("name", OTHERS)
async def test_the_viewer_gets_what_the_full_path_gives(name: str) -> None:
    """Three plain answers, then this one, then a plain one: the same bytes and verdicts with and without the relay."""
    seen = []
    for fast in (True, False):
        async with staged(fast=fast) as (world, stage):
            got = [await (viewer := await world.viewer()).ask(ONE)]
            got += [await viewer.ask(ONE) for _ in range(2)]
            assert passed(world) == fast
            stage.script = OTHERS[name]
            viewer.writer.write(ONE)
            received = await _all_of(viewer.reader)
            verdict = bare(world.running.records.last()[0])
            stage.script = write(WHOLE)
            later = await (await world.viewer()).ask(ONE)
            seen.append((received, verdict, later.masked, len(stage.heads)))
    for one, other in zip(*seen, strict=True):
        assert one == other


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    """What a viewer gets until nothing more comes, without ids."""
    found = await patient(reader.read(1 << 16))
    while not reader.at_eof():
        try:
            async with asyncio.timeout(0.15):
                found += await reader.read(1 << 16)
        except TimeoutError:
            break
    return _ID.sub(b"ID", found)


async def test_a_stale_connection_is_replaced_unseen() -> None:
    async with staged() as (world, stage):
        viewer, _ = await relayed(world)

        def hang_up(talk: Talk, number: int) -> None:
            stage.script = write(WHOLE)
            talk.transport.abort()

        stage.script = hang_up
        asked = len(stage.heads)
        fast, got = await answered(world, viewer)
        assert (fast, got.status, len(stage.heads) - asked) == (False, 200, 2)
        origin = world.verdict(got).origin
        assert origin is not None
        assert (origin.reused, origin.attempts) == (False, 1)
        assert [head.count(got.id.encode()) for head in stage.heads[-2:]] == [1, 1]
        assert (await relayed(world, viewer=viewer))[1].status == 200


async def test_an_origin_that_says_nothing_is_given_up_in_time() -> None:
    async with staged(settings={"response_timeout": 1}) as (world, stage):
        viewer, _ = await relayed(world)
        stage.script = lambda talk, number: None
        started = asyncio.get_running_loop().time()
        got = await viewer.ask(ONE)
        assert got.status == 504
        assert 0.9 < asyncio.get_running_loop().time() - started < 3
        failure = world.verdict(got).failure
        assert failure is not None
        assert failure.kind is FailureKind.READ_TIMEOUT
        await until(lambda: not stage.talks)


@pytest.mark.parametrize("fast", [True, False])
async def test_a_huge_body_waits_for_a_slow_viewer(fast: bool) -> None:
    async with staged(fast=fast) as (world, stage):
        viewer = await world.viewer()
        for _ in range(3):
            await viewer.ask(ONE)
        size = 128 << 20  # far more than all buffers on the way hold, some 30 MB
        stage.script = write(wire(body=b"x" * size))
        viewer.writer.write(ONE)
        await until(lambda: bool(stage.heads) and len(stage.heads) == 4 and bool(stage.talks))
        await asyncio.sleep(0.5)
        waiting = stage.talks[0].transport.get_write_buffer_size()
        assert waiting > size / 2
        got = await viewer.read()
        assert len(got.body) == size
        assert world.verdict(got).bytes_out == len(got.head) + size


@pytest.mark.parametrize("fast", [True, False])
async def test_a_viewer_who_leaves_while_the_origin_thinks(fast: bool) -> None:
    async with staged(fast=fast) as (world, stage):
        viewer = await world.viewer()
        for _ in range(3):
            await viewer.ask(ONE)
        stage.script = lambda talk, number: None
        viewer.writer.write(ONE)
        await until(lambda: len(stage.heads) == 4)
        reset(viewer)
        await until(lambda: not world.running.listener.connections)
        stage.talks[0].transport.write(WHOLE)
        await until(lambda: world.running.records.total == 4)
        verdict = world.running.records.last()[0]
        assert (verdict.status, verdict.bytes_out, verdict.complete) == (200, 0, True)
        assert world.running.origins.pool.stats.idle == 1
        stage.script = write(WHOLE)
        again = await world.viewer()
        assert (await again.ask(ONE)).status == 200
        assert len(stage.talks) == 1


@pytest.mark.parametrize("fast", [True, False])
async def test_a_viewer_who_leaves_before_an_origin_fails(fast: bool) -> None:
    async with staged(fast=fast) as (world, stage):
        viewer = await world.viewer()
        for _ in range(3):
            await viewer.ask(ONE)
        stage.script = lambda talk, number: None
        viewer.writer.write(ONE)
        await until(lambda: len(stage.heads) == 4)
        reset(viewer)
        await until(lambda: not world.running.listener.connections)
        stage.talks[0].transport.write(b"nonsense\r\n\r\n")
        await until(lambda: world.running.records.total == 4)
        verdict = world.running.records.last()[0]
        assert (verdict.status, verdict.bytes_out) == (502, 0)
        assert not stage.talks


@pytest.mark.parametrize("answer", [WHOLE, wire(404), wire(200, "X-New: 1", length=2_000_000, body=b"y" * 2_000_000)])
async def test_a_viewer_who_sends_no_more_still_gets_its_answer(answer: bytes) -> None:
    async with staged() as (world, stage):
        viewer, _ = await relayed(world)
        stage.script = lambda talk, number: None
        viewer.writer.write(ONE)
        viewer.writer.write_eof()
        await until(lambda: len(stage.heads) == 4)
        await asyncio.sleep(0.05)
        stage.talks[0].transport.write(answer)
        assert (await viewer.read()).body == answer.partition(b"\r\n\r\n")[2]
        assert await viewer.ended() == b""


async def test_what_comes_behind_a_request_waits_for_its_answer() -> None:
    async with staged() as (world, stage):
        viewer, _ = await relayed(world)
        waiting: list[Talk] = []
        stage.script = lambda talk, number: waiting.append(talk)
        viewer.writer.write(ONE)
        await until(lambda: bool(waiting))
        viewer.writer.write(request("/off/two.plain") + ONE)
        await asyncio.sleep(0.05)
        assert len(waiting) == 1
        stage.script = lambda talk, number: talk.transport.write(wire(body=stage.heads[-1].split()[1]))
        waiting[0].transport.write(WHOLE)
        bodies = [(await viewer.read()).body for _ in range(3)]
        assert bodies == [b"hello", b"/off/two.plain", b"/off/one.plain"]


async def test_a_listener_that_closes_says_so() -> None:
    async with staged() as (world, stage):
        viewer, _ = await relayed(world)
        stage.script = lambda talk, number: None
        viewer.writer.write(ONE)
        await until(lambda: len(stage.talks) == 1 and len(stage.heads) == 4)
        closing = asyncio.get_running_loop().create_task(world.running.listener.close())
        await asyncio.sleep(0.02)
        stage.talks[0].transport.write(WHOLE)
        got = await viewer.read()
        assert (got.status, got["Connection"]) == (200, "close")
        await patient(closing)


@pytest.mark.parametrize("change", ["fault", "latency", "reset", "real", "invalidation"])
async def test_a_change_of_the_world_ends_what_was_learned(change: str) -> None:
    async with staged() as (world, _):
        viewer, got = await relayed(world)
        served = world.running.world.distribution_for("one.test")
        assert served is not None
        clock = world.running.clock
        commands: dict[str, Any] = {
            "fault": SetFault(id="f", target=f"edge:{FAR}", kind="slow", value=1.0),
            "latency": SetLatency(mode="reported", scale=2.0),
            "reset": Reset(real=clock.real()),
            "real": SetLatency(mode="real"),
            "invalidation": Invalidate(
                id="I", distribution=served.id, paths=("/*",), caller_reference="c", at=clock.now()
            ),
        }
        world.apply(commands[change])
        assert not any(lane.passages for lane in world.fast._lanes.values())
        fast, again = await answered(world, viewer)
        assert not fast
        assert again.body == got.body
        if change in ("fault", "real"):
            for _ in range(4):
                assert not (await answered(world, viewer))[0]
        else:
            await relayed(world, viewer=viewer)


async def test_a_fault_while_the_origin_thinks() -> None:
    """The answer is that of the World in which the request came; the next one meets the fault."""
    async with staged() as (world, stage):
        viewer, got = await relayed(world)
        stage.script = lambda talk, number: None
        viewer.writer.write(ONE)
        await until(lambda: len(stage.heads) == 4)
        origin = next(iter(served.origins)) if (served := world.running.world.distribution_for("one.test")) else ""
        world.apply(SetFault(id="f", target=f"origin:{origin}", kind="error", value=503))
        stage.talks[0].transport.write(WHOLE)
        assert (await viewer.read()).masked == got.masked
        assert (await viewer.ask(ONE)).status == 503
        assert len(stage.heads) == 4


async def test_a_fault_while_the_origin_thinks_of_something_else() -> None:
    """What is handed over then meets the new World: what was asked is in vain, and its connection is closed."""
    async with staged() as (world, stage):
        viewer, _ = await relayed(world)
        stage.script = lambda talk, number: None
        viewer.writer.write(ONE)
        await until(lambda: len(stage.heads) == 4)
        served = world.running.world.distribution_for("one.test")
        assert served is not None
        world.apply(SetFault(id="f", target=f"origin:{next(iter(served.origins))}", kind="error", value=503))
        stage.talks[0].transport.write(wire(200, "X-New: 1", length=99))
        assert (await viewer.read()).status == 503
        await until(lambda: not stage.talks)
        world.apply(ClearFault(id="f"))
        stage.script = write(WHOLE)
        assert (await viewer.ask(ONE)).status == 200


async def test_answers_that_never_come_again_are_no_longer_tried() -> None:
    async with staged() as (world, stage):
        stage.script = lambda talk, number: talk.transport.write(wire(200, f"X-Number: {number}"))
        viewer = await world.viewer()
        for number in range(3 * MOST_STRANGE):
            got = await viewer.ask(ONE)
            assert got["X-Number"] == str(number + 1)
        (passage,) = [one for lane in world.fast._lanes.values() for one in lane.passages.values()]
        assert passage.strange == MOST_STRANGE
        assert len(passage.heard) <= MOST_HEARD
        assert passed(world) == 0


async def test_an_origin_that_was_ill_is_tried_again() -> None:
    async with staged() as (world, stage):
        viewer, _ = await relayed(world)
        stage.script = write(wire(503))
        for _ in range(2 * MOST_STRANGE):
            assert (await viewer.ask(ONE)).status == 503
        stage.script = write(wire(200, "X-Release: 2"))
        _, got = await relayed(world, viewer=viewer)
        assert got["X-Release"] == "2"


async def test_nothing_is_begun_when_all_ends(caplog: pytest.LogCaptureFixture) -> None:
    """The viewer is cut off first, then the origin: what was asked for him is dropped."""
    async with staged() as (world, stage):
        viewer, _ = await relayed(world)
        stage.script = lambda talk, number: None
        viewer.writer.write(ONE)
        await until(lambda: len(stage.heads) == 4)
        await world.running.listener.close(0.02)
        await world.running.origins.close()
        await until(lambda: not stage.talks)
        assert len(stage.heads) == 4
    assert not caplog.records


async def test_many_requests_stay_within_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LEARNED", 200_000)
    async with staged() as (world, _):
        viewer, _ = await relayed(world)
        for number in range(300):
            for _ in range(2):
                await viewer.ask(request(f"/off/one.plain?{number}", f"X-Pad: {'x' * (number % 7) * 300}"))
        assert world.fast._size <= 200_000
        assert 5 < sum(len(lane.passages) for lane in world.fast._lanes.values()) < 100
        assert (await relayed(world, request("/off/one.plain?299", "X-Pad: "), viewer))[1].status == 200


async def test_what_comes_once_is_not_learned() -> None:
    async with staged() as (world, _):
        viewer, _ = await relayed(world)
        before = world.fast._size
        for number in range(50):
            await viewer.ask(request(f"/off/one.plain?{number}"))
        assert world.fast._size == before
        assert len(world.fast._seen) == 51


async def test_two_viewers_of_one_address_share_what_was_learned() -> None:
    async with staged() as (world, _):
        await relayed(world)
        other = await world.viewer()
        assert (await answered(world, other))[0]
