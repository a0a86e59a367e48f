"""The fast path answers as the full path does: the same requests to two worlds that differ only in having one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fast_worlds import FastWorld, Got, Viewer, fast_world, origin, plain, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from edgesim.core.bodies import Body
from edgesim.core.keys import Key
from edgesim.core.reasons import Outcome
from edgesim.core.store import Store
from edgesim.world.commands import Reset
from support.live_edge import until

pytestmark = pytest.mark.live

LINES = (
    "Accept-Encoding: gzip",
    "Accept-Encoding: br, gzip",
    "accept-encoding: GZIP;q=0.5, br;q=0",
    "Accept-Encoding: gzip;q=0",
    "Accept-Encoding: identity",
    "Accept-Encoding:",
    "Cookie: session=1",
    "Cookie: session=2; other=3",
    "Cookie: other=3; session=2",
    "cookie: $Version=1; session=1; sessA=9",
    "Cookie: sess=",
    "Cookie: edgesim-location=Sydney",
    'Cookie: edgesim-location="New York"; session=1',
    "Origin: https://a.test",
    "Origin: https://x.b.test",
    "Origin: null",
    "origin: HTTPS://A.TEST",
    "X-Tenant: a",
    "x-tenant: a",
    "X-Tenant: A",
    "X-Tenant:  a",
    "X-Tenant: a, b",
    "X-Tenant: b",
    "X-Other: 1",
    "X-Other: 2",
    "Accept-Language: de",
    "Accept-Language: en",
    "Authorization: Basic eDp5",
    "User-Agent: one",
    "User-Agent: iPhone Mobile",
    "Referer: http://r.test/?a=b c",
    "Range: bytes=0-3",
    'If-None-Match: "A"',
    'If-None-Match: W/"A"',
    "If-Modified-Since: Sun, 01 Mar 2026 11:59:00 GMT",
    'If-Range: "A"',
    "Cache-Control: no-cache",
    "Cache-Control: max-age=0",
    "Cache-Control: only-if-cached",
    "Pragma: no-cache",
    "X-Edgesim-Location: Sydney",
    "X-Edgesim-Location: Tokyo",
    "X-Edgesim-Location: nowhere at all",
    "X-Edgesim-Edge: SYD62-C1",
    "X-Edgesim-Edge: JFK50-P1",
    "X-Edgesim-Edge: none",
    "X-Forwarded-For: 1.1.1.1",
    "X-Forwarded-For: 203.0.113.9, 139.130.4.5",
    "Via: 1.0 fred",
    "X-HTTP-Method-Override: DELETE",
    "X-Method-Override: PUT",
    "CloudFront-Viewer-Country: AU",
    "X-Amz-Cf-Id: mine",
    "Connection: keep-alive",
    "Content-Length: 0",
    "TE: trailers",
    "Expect: 100-continue",
    "X-Long: " + "y" * 300,
)
HOSTS = (
    "one.test",
    "ONE.test",
    "one.test:8080",
    "one.test.",
    "www.one.test",
    "any.one.test",
    "two.test",
    "three.test",
    "four.test",
    "stranger.test",
)
PLACES = (
    "/",
    "//",
    "/deep",
    "/headers",
    "/cookies",
    "/query",
    "/allquery",
    "/host",
    "/cors",
    "/odd",
    "/undated",
    "/open",
    "/identity",
    "/gzip",
    "/both",
    "/off",
    "/forward",
    "/legacy",
    "/methods",
    "/rfc",
    "/secure",
    "/least",
    "/pages/../both",
    "/%62oth",
)
KINDS = (
    *("plain", "big", "chunked", "short", "renewed", "missing", "empty", "private", "vary", "behind", "cors"),
    *("cookie", "aged", "plainold", "star", "moved", "dateless", "marks"),
)
QUERIES = ("", "?", "?q=1", "?q=2", "?r=1&q=1", "?q=1&other=2", "?other=%3C")

targets = st.one_of(
    st.sampled_from(("/", "/?q=1", "/missing.missing")),
    st.builds("{}/one.{}{}".format, st.sampled_from(PLACES), st.sampled_from(KINDS), st.sampled_from(QUERIES)),
)
blocks = st.builds(
    lambda host, lines: (host, lines),
    st.sampled_from(HOSTS[:7] * 2 + HOSTS[7:]),
    st.lists(st.sampled_from(LINES), max_size=4),
)
methods = st.sampled_from(["GET"] * 12 + ["HEAD", "OPTIONS", "get", "FOO"])


@st.composite
def walks(draw: st.DrawFn) -> list[bytes | float]:
    """Requests out of few blocks and few targets, so that they come again; time passes between some."""
    some_blocks = draw(st.lists(blocks, min_size=1, max_size=4))
    some_targets = draw(st.lists(targets, min_size=1, max_size=4))
    steps: list[bytes | float] = []
    for _ in range(draw(st.integers(2, 12))):
        host, lines = draw(st.sampled_from(some_blocks))
        target = draw(st.sampled_from(some_targets))
        one = request(target, *lines, host=host, method=draw(methods))
        steps += [one] * draw(st.integers(1, 4))
        if draw(st.integers(0, 5)) == 0:
            steps.append(draw(st.sampled_from([0.5, 5.0, 10.0, 400.0])))
    return steps


class Pair:
    """The two worlds, behind one origin, and every answer both gave."""

    def __init__(self, runner: asyncio.Runner, logs: Path) -> None:
        self.runner = runner
        self.logs = logs
        self.stack = AsyncExitStack()
        self.answers: list[tuple[Got, Got]] = []
        self.sent = 0

    async def open(self) -> None:
        port, _ = await self.stack.enter_async_context(origin())
        self.fast, self.full = [
            await self.stack.enter_async_context(
                fast_world(fast=fast, port=port, logs={"access": str(self.logs / f"{fast}.log")})
            )
            for fast in (True, False)
        ]

    def forget(self) -> None:
        for world in (self.fast, self.full):
            world.apply(Reset(real=world.running.clock.real()))
            for cache in world.running.hierarchy.caches.values():
                cache.flights.__init__()  # type: ignore[misc]

    async def walk(self, steps: list[bytes | float]) -> None:
        """Both worlds the same; each answer must be the same, byte for byte, and each verdict."""
        self.forget()
        self.viewers: list[Viewer] = []
        try:
            for step in steps:
                await self.step(step)
        finally:
            await self.hang_up()

    async def step(self, step: bytes | float) -> None:
        if isinstance(step, float):
            self.fast.advance(step)
            self.full.advance(step)
            return
        if not self.viewers:
            self.viewers = [await world.viewer() for world in (self.fast, self.full)]
        one, other = [await viewer.ask(step) for viewer in self.viewers]
        await self.quiet()
        self.sent += 1
        self.check(step, one, other)
        if other["Connection"] == "close":
            rest = [Got(await viewer.ended(), b"").masked for viewer in self.viewers]
            assert rest[0] == rest[1]
            await self.hang_up()

    async def hang_up(self) -> None:
        viewers, self.viewers = self.viewers, []
        for viewer in viewers:
            await viewer.close()

    async def quiet(self) -> None:
        """No refresh runs behind an answer: only the keeper of time and the access log do."""
        for world in (self.fast, self.full):
            await until(lambda tasks=world.running.tasks: len(tasks) <= 2)  # type: ignore[misc]

    def check(self, sent: bytes, one: Got, other: Got) -> None:
        assert one.masked == other.masked, sent
        if not one.id:
            return
        self.answers.append((one, other))
        left, right = self.fast.verdict(one), self.full.verdict(other)
        assert (left.status, left.outcome, left.key, left.domain) == (
            right.status,
            right.outcome,
            right.key,
            right.domain,
        )
        if left.outcome is Outcome.HIT:
            assert plain(left) == plain(right), sent

    async def close(self) -> None:
        await self.stack.aclose()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with asyncio.Runner() as runner:
        worlds = Pair(runner, tmp_path_factory.mktemp("logs"))
        runner.run(worlds.open())
        yield worlds
        runner.run(worlds.close())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=walks())
def test_answers_and_verdicts_are_the_same(pair: Pair, steps: list[bytes | float]) -> None:
    pair.runner.run(pair.walk(steps))


def test_such_walks_take_the_fast_path(pair: Pair) -> None:
    before = pair.fast.hits
    pair.runner.run(pair.walk([request("/one.plain")] * 20))
    assert pair.fast.hits >= before + 15
    assert pair.full.hits == 0


def _rows(path: Path) -> dict[str, list[str]]:
    rows = [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]
    return {row[14]: row for row in rows}


def _common(row: list[str]) -> list[str]:
    return [field for at, field in enumerate(row) if at not in _ITS_OWN]


_ITS_OWN = {14, 18, 26, 27}
"""Id, time taken, viewer's port, time to first byte."""


def test_logs_counts_and_bills_are_the_same(pair: Pair) -> None:
    """After all that the property test asked."""
    if not pair.answers:
        pair.runner.run(pair.walk([request("/both/one.big", f"User-Agent: {n % 7}") for n in range(60)]))
    worlds = (pair.fast, pair.full)
    for world in worlds:
        world.fast.flush()
        world.running.access_log.flush()
    fast, full = (_rows(pair.logs / f"{one}.log") for one in (True, False))
    assert len(fast) == len(full)
    for one, other in pair.answers:
        assert (one.id in fast) == (other.id in full)
        if one.id in fast:
            rows = [
                [field for at, field in enumerate(row) if at not in _ITS_OWN] for row in (fast[one.id], full[other.id])
            ]
            assert rows[0] == rows[1]
    assert _counts(pair.fast) == _counts(pair.full)
    assert worlds[0].billing.facts("2026-03") == worlds[1].billing.facts("2026-03")


def _counts(world: FastWorld) -> dict[str, Any]:
    facts = world.stats.facts()
    for tally in (facts["total"], *facts["edges"].values()):
        tally.pop("latency_ms")
        tally["modelled_network_ms"]["mean"] = round(tally["modelled_network_ms"]["mean"], 2)
    return facts


def _by_use(store: Store) -> list[tuple[str, int]]:
    """Every key and how often it was used, the least recently used first: in the order a huge entry pushes them out."""
    huge = replace(next(store.entries()), key=Key("huge", "/huge", "E"), body=Body(b""), headers=CIMultiDict())
    huge.body.size = store.largest - huge.size
    return [(entry.key.text, entry.hits) for entry in store.put(huge).evicted]


def test_entries_are_used_alike(pair: Pair) -> None:
    """The uses of each entry are counted, and their order in the cache is the same."""

    async def run() -> list[list[tuple[str, int]]]:
        heads = [request(f"/one.plain?{n % 5}&{n}") for n in range(10)]
        heads += [request(f"/allquery/a.big?{n}") for n in (1, 2, 3)]
        await pair.walk([head for head in heads for _ in range(3)] + [heads[10], heads[11], heads[10]])
        return [_by_use(world.cache().store) for world in (pair.fast, pair.full)]

    before = pair.fast.hits
    fast, full = pair.runner.run(run())
    assert fast == full
    assert len(fast) == 4  # the query is in the key of three
    assert pair.fast.hits > before
