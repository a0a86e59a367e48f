"""A million answers of the fast path, and the memory they take: ``python tests/edge/soak.py [answers] [N]``.

The world runs in a process of its own with its access log on, so that everything that is kept of an answer is; viewers
ask over eight connections. Random targets and heads are mixed in: one of N requests (50)
is unknown to the fast path, and is learned.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from fast_worlds import Viewer, fast_world, request

MIB = 1 << 20


async def _serve(pipe: Connection, directory: str) -> None:
    async with fast_world(logs={"access": f"{directory}/access.log"}) as world:
        at = world.running.http
        assert at is not None
        pipe.send(at.port)
        while True:
            if pipe.poll():
                if not pipe.recv():
                    return
                fast = world.fast
                tables = sum(len(lane.blocks) for lane in fast._lanes.values())
                pipe.send((world.hits, fast._size, tables, world.running.records.total))
            await asyncio.sleep(0.05)


def serve(pipe: Connection, directory: str) -> None:
    """The other process."""
    asyncio.run(_serve(pipe, directory))


def resident(pid: int) -> float:
    """Its memory in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB


async def ask(port: int, answers: int, unknown: int, dice: random.Random) -> None:
    """One viewer. Requests go out one by one, as only a whole request alone in its segment is a plain one."""
    viewer = Viewer(*await asyncio.open_connection("127.0.0.1", port))
    known = [request("/one.plain"), request("/both/one.big", "Accept-Encoding: br"), request("/one.plain?a")]
    for number in range(answers):
        if number % unknown:
            await viewer.ask(known[number % 3])
        elif dice.random() < 0.5:
            await viewer.ask(request(f"/one.plain?{dice.random()}"))
        else:
            await viewer.ask(request("/one.plain", f"User-Agent: {dice.random()}", f"Origin: https://{dice.random()}"))
    await viewer.close()


def main(answers: int, unknown: int) -> None:
    """Ask, and print the curve."""
    with tempfile.TemporaryDirectory() as directory:
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, directory), daemon=True)
        process.start()
        port = ours.recv()
        assert process.pid is not None
        print(f"{'answers':>10} {'fast':>10} {'MiB':>8} {'learned KiB':>12} {'blocks':>8} {'per second':>11}")
        steps, viewers = 20, 8
        dice = random.Random(1)
        for _ in range(steps):
            started = time.monotonic()
            asyncio.run(_step(port, answers // steps // viewers, viewers, unknown, dice))
            rate = answers / steps / (time.monotonic() - started)
            ours.send(True)
            hits, size, blocks, total = ours.recv()
            memory = resident(process.pid)
            print(f"{total:>10} {hits:>10} {memory:>8.1f} {size // 1024:>12} {blocks:>8} {rate:>11.0f}", flush=True)
        ours.send(False)
        process.join(20)


async def _step(port: int, answers: int, viewers: int, unknown: int, dice: random.Random) -> None:
    await asyncio.gather(*(ask(port, answers, unknown, dice) for _ in range(viewers)))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    numbers = [int(argument) for argument in sys.argv[1:]]
    main(*numbers, *(1_000_000, 50)[len(numbers) :])
