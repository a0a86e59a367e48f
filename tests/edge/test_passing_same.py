"""The learned relay answers, asks and records as the full path does: two worlds that differ only in having one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fast_worlds import FastWorld, document, request
from passing_worlds import ONE, Stage, answered, bare, passed, relayed, staged, wire

pytestmark = pytest.mark.live

OWN = re.compile(rb"[A-Za-z0-9_-]{54}==")

PLAIN: tuple[tuple[str, ...], ...] = (
    (),
    ("User-Agent: iPhone Mobile",),
    ("Accept-Encoding: gzip, br",),
    ("Accept-Language: de", "accept-language: en"),
    ("Cookie: b=2; a=1", "Cookie: c=3"),
    ("Authorization: Basic eDp5",),
    ("Cache-Control: no-cache", "Pragma: no-cache"),
    ("Cache-Control: only-if-cached",),
    ("Connection: keep-alive",),
    ("Connection: X-Other", "X-Other: 1"),
    ("TE: trailers",),
    ("Via: 1.0 fred",),
    ("X-Forwarded-For: 203.0.113.9, 139.130.4.5",),
    ("X-Amz-Cf-Id: mine",),
    ("X-Edgesim-Location: Tokyo",),
    ("X-Edgesim-Edge: SYD62-C1",),
    ("Origin: https://a.test",),
    ("Origin: null",),
    ("CloudFront-Viewer-Country: AU",),
    ("X-Long: " + "y" * 9_000,),
    ("X-Odd: \xff\xfe",),
)
MORE: tuple[tuple[str, ...], ...] = (
    ("Range: bytes=0-1",),
    ("Range: bytes=0-1", 'If-Range: "A"'),
    ('If-None-Match: "A"',),
    ("If-Modified-Since: Sun, 01 Mar 2026 11:59:00 GMT",),
    ("Content-Length: 0",),
    ("Expect: 100-continue",),
    ("Upgrade: h2c", "Connection: Upgrade"),
)
PLACES = ("/off/one", "/off/one?q=1&r=%20", "/bare/one?q=1", "/shared/one")


def sections() -> dict[str, Any]:
    """Four ways not to cache."""
    off: dict[str, Any] = {"origin": "main", "cache_policy": "CachingDisabled"}
    behaviors = {
        "/off/*": {**off, "origin_request_policy": "AllViewer"},
        "/bare/*": off,
        "/shared/*": {**off, "response_headers_policy": "sharing"},
        "/named/*": {**off, "origin_request_policy": "AllViewerAndCloudFrontHeaders-2022-06"},
    }
    base = document(1)["distributions"]
    first = {**base[0], "behaviors": [{"path": path, **entry} for path, entry in behaviors.items()]}
    return {"distributions": [first, *base[1:]]}


async def both(heads: list[bytes], stages: list[tuple[FastWorld, Stage]]) -> None:
    """Each head a few times to both worlds: answers, what the origins saw, and verdicts."""
    viewers = [await world.viewer() for world, _ in stages]
    for sent in [head for head in heads for _ in range(4)]:
        one, other = [await viewer.ask(sent) for viewer in viewers]
        assert one.masked == other.masked, sent
        seen = [OWN.sub(b"ID", stage.heads[-1]) for _, stage in stages]
        assert seen[0] == seen[1], sent
        assert OWN.search(stages[0][1].heads[-1])[0].decode() == one.id  # type: ignore[index]
        left, right = stages[0][0].verdict(one), stages[1][0].verdict(other)
        assert bare(left) == bare(right), sent
    assert len(stages[0][1].heads) == len(stages[1][1].heads)


def _counts(world: FastWorld) -> dict[str, Any]:
    facts = world.stats.facts()
    for tally in (facts["total"], *facts["edges"].values()):
        tally.pop("latency_ms")
        tally["modelled_network_ms"]["mean"] = round(tally["modelled_network_ms"]["mean"], 2)
    return facts


def _rows(path: Path) -> list[list[str]]:
    rows = [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]
    return [[field for at, field in enumerate(row) if at not in (14, 18, 26, 27)] for row in rows]


@pytest.mark.parametrize("place", PLACES)
async def test_answers_requests_verdicts_counts_rows_and_bills(place: str, tmp_path: Path) -> None:
    logs = [str(tmp_path / name) for name in ("fast.log", "full.log")]

    def script(talk: Any, number: int) -> None:
        lines = ("Vary: Origin, X-Other", "Set-Cookie: a=b", "Set-Cookie: c=d", "Connection: keep-alive", "Via: 1.1 b")
        seen = talk.stage.heads[-1].lower()
        if b"range: bytes=0-1" in seen:
            talk.transport.write(wire(206, "Content-Range: bytes 0-1/5", body=b"he"))
        elif b"if-none-match" in seen:
            talk.transport.write(wire(304, 'ETag: "A"', length=-1, body=b""))
        else:
            talk.transport.write(wire(200, *lines, "Age: 7", 'Cache-Status: b; hit; detail="x"', body=seen[:7]))

    async with (
        staged(logs={"access": logs[0]}, **sections()) as fast,
        staged(fast=False, logs={"access": logs[1]}, **sections()) as full,
    ):
        for _, stage in (fast, full):
            stage.script = script
        await both([request(place, *lines) for lines in PLAIN], [fast, full])
        learnt = passed(fast[0])
        assert learnt >= 2 * len(PLAIN)
        await both([request(place, *lines) for lines in MORE[:-2]], [fast, full])
        assert passed(fast[0]) == learnt
        assert passed(full[0]) == 0
        for world, _ in (fast, full):
            world.running.access_log.flush()
        assert _rows(tmp_path / "fast.log") == _rows(tmp_path / "full.log")
        assert _counts(fast[0]) == _counts(full[0])
        assert fast[0].billing.facts("2026-03") == full[0].billing.facts("2026-03")


@pytest.mark.parametrize("status", [200, 201, 301, 302, 308])
async def test_statuses_that_are_passed_on(status: int) -> None:
    async with staged() as (world, stage):
        stage.script = lambda talk, number: talk.transport.write(wire(status, "Location: /elsewhere"))
        _, got = await relayed(world)
        assert (got.status, got["Location"], got.body) == (status, "/elsewhere", b"hello")
        verdict = world.verdict(got)
        assert (verdict.status, verdict.origin.status if verdict.origin else 0) == (status, status)


@pytest.mark.parametrize(
    ("status", "lines"), [(204, ()), (304, ()), (404, ()), (500, ()), (200, ("Connection: close",))]
)
async def test_statuses_that_are_not(status: int, lines: tuple[str, ...]) -> None:
    body = b"" if status in (204, 304) else b"hello"
    length = -1 if status in (204, 304) else None
    async with staged() as (world, stage):
        stage.script = lambda talk, number: talk.transport.write(wire(status, *lines, body=body, length=length))
        viewer = await world.viewer()
        for _ in range(5):
            assert (await viewer.ask(ONE)).status == status
        assert passed(world) == 0


async def test_each_answer_has_the_date_of_its_own() -> None:
    async with staged() as (world, stage):
        stage.script = lambda talk, number: talk.transport.write(wire(date=f"Sun, 01 Mar 2026 11:59:{number:02} GMT"))
        viewer, _ = await relayed(world)
        for _ in range(5):
            fast, got = await answered(world, viewer)
            assert fast
            assert got["Date"] == f"Sun, 01 Mar 2026 11:59:{len(stage.heads):02} GMT"
            response = world.verdict(got).response
            assert response is not None
            assert response.headers["Date"] == got["Date"]


@pytest.mark.parametrize("date", ["Sun, 1 Mar 2026 11:59:00 GMT ", "Sunday, 01-Mar-26 11:59:00 GMT", "now", "Sun,\t1"])
async def test_a_date_of_another_form_is_the_full_paths(date: str) -> None:
    async with staged() as (world, stage):
        viewer, _ = await relayed(world)
        stage.script = lambda talk, number: talk.transport.write(wire(date=date))
        fast, got = await answered(world, viewer)
        assert (fast, got.status, got["Date"]) == (False, 200, date.strip())


async def test_an_answer_without_date_gets_the_time_of_its_own() -> None:
    async with staged() as (world, stage):
        stage.script = lambda talk, number: talk.transport.write(b"HTTP/1.1 200 Told\r\nContent-Length: 2\r\n\r\nhi")
        viewer = await world.viewer()
        for _ in range(5):
            assert (await viewer.ask(ONE))["Date"]
        assert passed(world) == 0


async def test_two_dates_and_a_date_in_another_field() -> None:
    async with staged() as (world, stage):
        date = "Sun, 01 Mar 2026 11:59:00 GMT"
        stage.script = lambda talk, number: talk.transport.write(wire(200, f"Date: {date}", f"Last-Modified: {date}"))
        viewer = await world.viewer()
        for _ in range(5):
            got = await viewer.ask(ONE)
            assert got.head.count(date.encode()) == 3
        assert passed(world) == 0


async def test_what_says_where_the_viewer_is_goes_the_full_way() -> None:
    """The viewer's port is among the headers of such a policy."""
    async with staged(**sections()) as (world, stage):
        viewer = await world.viewer()
        for _ in range(5):
            await viewer.ask(request("/named/one"))
            assert f"127.0.0.1:{viewer.port}".encode() in stage.heads[-1]
        assert passed(world) == 0
