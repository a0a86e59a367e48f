"""What was learned is dropped when the entry goes, and when anything in the World changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fast_worlds import FAR, NEAR, FastWorld, document, fast_world, request

from edgesim.world.commands import (
    BindSite,
    ClearFault,
    Command,
    Invalidate,
    PutRecord,
    Reset,
    SetClock,
    SetEdge,
    SetFault,
    SetLatency,
)
from edgesim.world.loading import check_data

pytestmark = pytest.mark.live
ONE = request("/one.plain")


def invalidate(world: FastWorld, *paths: str, name: str = "I1", host: str = "one.test") -> Invalidate:
    served = world.running.world.distribution_for(host)
    assert served is not None
    at = world.running.clock.now()
    return Invalidate(id=name, distribution=served.id, paths=paths, caller_reference=name, at=at)


async def test_age_and_ttl_go_on() -> None:
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        for _ in range(3):
            world.advance(7.5)
            fast, got = await world.answered(ONE, viewer)
            assert not fast  # the change of the clock dropped it
            fast, again = await world.answered(ONE, viewer)
            assert fast
            assert again.masked == got.masked


async def test_expiry_by_a_running_clock() -> None:
    """The clock runs: no command tells of the expiry."""
    async with fast_world(clock={"start": "2026-03-01T12:00:00Z", "speed": 1.0}) as world:
        viewer, _ = await world.learnt(ONE)
        started = world.running.clock.real()
        lateness = 0.0
        world.running.clock.real = lambda: started + lateness
        lateness = 597.0
        fast, got = await world.answered(ONE, viewer)
        assert fast
        assert int(got["Age"]) in (597, 598)
        assert got["Cache-Status"].endswith(f"ttl={600 - int(got['Age'])}") or "ttl=2" in got["Cache-Status"]
        lateness = 600.1
        fast, got = await world.answered(ONE, viewer)
        assert not fast
        assert got.cached == "RefreshHit" or got.cached == "Miss"


@pytest.mark.parametrize("speed", [0.0, 10.0, 100_000.0])
async def test_another_speed_of_the_clock(speed: float) -> None:
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        clock = world.running.clock
        real = clock.real()
        clock.real = lambda: real
        world.apply(SetClock(real=real, simulated=clock.now(), speed=speed))
        await world.learnt(ONE, viewer)
        clock.real = lambda: real + 30.0
        fast, got = await world.answered(ONE, viewer)
        assert fast is (speed < 20)
        assert got["Age"] == (str(int(30 * speed)) if speed < 20 else got["Age"])


async def test_eviction() -> None:
    async with fast_world(edge_defaults={"cache": 20_000}) as world:
        viewer, _ = await world.learnt(ONE)
        other = await world.viewer()
        for number in range(40):
            await other.ask(request(f"/{number}.big"))
        asked = world.origin.asked
        fast, got = await world.answered(ONE, viewer)
        assert (fast, got.cached) == (False, "Miss")
        assert world.origin.asked == asked + 1


async def test_a_use_by_the_fast_path_keeps_an_entry() -> None:
    """The least recently used goes first, and the fast path is use."""
    async with fast_world(edge_defaults={"cache": 20_000}) as world:
        viewer, _ = await world.learnt(ONE)
        other = await world.viewer()
        for number in range(40):
            await other.ask(request(f"/{number}.big"))
            fast, got = await world.answered(ONE, viewer)
            assert (fast, got.cached) == (True, "Hit")


async def test_invalidation_and_what_comes_after() -> None:
    async with fast_world() as world:
        viewer, got = await world.learnt(ONE)
        world.origin.stamp = "B"
        world.apply(invalidate(world, "/one.*"))
        fast, got = await world.answered(ONE, viewer)
        assert (fast, got.cached, got.body[:1]) == (False, "Miss", b"B")
        _, got = await world.learnt(ONE, viewer)
        assert got.body[:1] == b"B"


async def test_an_invalidation_that_takes_time() -> None:
    """Between the command and its arrival the old answer is right; from then on it is not, though no command came."""
    async with fast_world(propagation={"invalidations": 100}) as world:
        viewer, got = await world.learnt(ONE)
        world.origin.stamp = "B"
        world.apply(invalidate(world, "/one.plain"))
        _, got = await world.learnt(ONE, viewer)
        assert got.body[:1] == b"A"
        world.running.hierarchy.carry_out(world.running.clock.now() + 100)
        fast, got = await world.answered(ONE, viewer)
        assert (fast, got.body[:1]) == (False, b"B")


async def test_an_entry_that_a_revalidation_replaced() -> None:
    async with fast_world() as world:
        sent = request("/one.renewed")
        viewer, got = await world.learnt(sent)
        assert got["X-Renewed"] == ""
        world.advance(11)
        fast, got = await world.answered(sent, viewer)
        assert (fast, got.cached, got["X-Renewed"]) == (False, "RefreshHit", "yes")
        _, got = await world.learnt(sent, viewer)
        assert (got.cached, got["X-Renewed"], got["Age"]) == ("Hit", "yes", "0")


async def test_stale_while_a_refresh_runs_is_not_the_fast_path() -> None:
    async with fast_world() as world:
        sent = request("/one.behind")
        viewer, _ = await world.learnt(sent)
        now = world.running.clock.now
        world.running.clock.now = lambda: now() + 12  # type: ignore[method-assign]
        fast, got = await world.answered(sent, viewer)
        assert (fast, got["Age"]) == (False, "12")


@pytest.mark.parametrize("sent", [request("/one.dateless"), request("/undated/one.plain")])
async def test_a_date_made_here_is_the_time_of_each_answer(sent: bytes) -> None:
    async with fast_world() as world:
        viewer = await world.viewer()
        now = world.running.clock.now
        for _ in range(3):
            await viewer.ask(sent)
        world.running.clock.now = lambda: now() + 30  # type: ignore[method-assign]
        got = await viewer.ask(sent)
        assert (got["Age"], got["Date"]) == ("30", "Sun, 01 Mar 2026 12:00:30 GMT")


async def test_an_entry_dropped_from_the_store() -> None:
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        world.running.hierarchy.clear()
        fast, got = await world.answered(ONE, viewer)
        assert (fast, got.cached) == (False, "Miss")


async def test_the_nearest_edge_stops_and_comes_back() -> None:
    async with fast_world() as world:
        viewer, got = await world.learnt(ONE)
        assert got["X-Amz-Cf-Pop"] == NEAR
        world.apply(SetEdge(pop=NEAR, state="stopped"))
        fast, got = await world.answered(ONE, viewer)
        assert (fast, got["X-Amz-Cf-Pop"], got.cached) == (False, "JFK50-P1", "Miss")
        _, got = await world.learnt(ONE, viewer)
        assert got["X-Amz-Cf-Pop"] == "JFK50-P1"
        world.apply(SetEdge(pop=NEAR, state="up"))
        fast, got = await world.answered(ONE, viewer)
        assert (fast, got["X-Amz-Cf-Pop"]) == (False, NEAR)


async def test_faults_keep_the_fast_path_away() -> None:
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        world.apply(SetFault(id="f", target=f"edge:{NEAR}", kind="error", value=503))
        for _ in range(3):
            fast, got = await world.answered(ONE, viewer)
            assert (fast, got.status) == (False, 503)
        world.apply(ClearFault(id="f"))
        await world.learnt(ONE, viewer)
        world.apply(SetFault(id="f", target=f"edge:{NEAR}", kind="stop"))
        fast, got = await world.answered(ONE, viewer)
        assert (fast, got["X-Amz-Cf-Pop"]) == (False, "JFK50-P1")


async def test_latency_that_is_waited_for() -> None:
    async with fast_world() as world:
        sent = request("/one.plain", "X-Edgesim-Location: Paris")
        viewer, _ = await world.learnt(sent)
        world.apply(SetLatency(mode="real", scale=10))
        for _ in range(4):
            started = asyncio.get_running_loop().time()
            await viewer.ask(sent)
            assert asyncio.get_running_loop().time() - started > 0.03
        world.apply(SetLatency(mode="real", scale=0))
        await world.learnt(sent, viewer)


def _sharing(world: FastWorld, value: str, version: int) -> Command:
    header = {"Header": "X-Custom", "Value": value, "Override": True}
    config: dict[str, Any] = {"Name": "mine", "CustomHeadersConfig": {"Quantity": 1, "Items": [header]}}
    at = world.running.clock.now()
    return PutRecord(family="response-headers-policy", id="R", config=config, at=at, expect=version)


def _put(world: FastWorld, version: int, *, enabled: bool = True) -> Command:
    """A distribution of the API before the file's own origin."""
    main = world.running.world.base.origins["main"]
    custom = {"HTTPPort": main.http_port, "HTTPSPort": main.https_port, "OriginProtocolPolicy": "http-only"}
    behavior = {
        "TargetOriginId": "o",
        "ViewerProtocolPolicy": "allow-all",
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        "ResponseHeadersPolicyId": "R",
    }
    config: dict[str, Any] = {
        "Enabled": enabled,
        "Aliases": {"Quantity": 1, "Items": ["put.test"]},
        "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": main.domain, "CustomOriginConfig": custom}]},
        "DefaultCacheBehavior": behavior,
    }
    facts: dict[str, Any] = {"domain": "dput.cloudfront.net"}
    at = world.running.clock.now()
    return PutRecord(family="distribution", id="EPUT", config=config, facts=facts, at=at, expect=version)


async def test_a_changed_policy() -> None:
    async with fast_world() as world:
        world.apply(_sharing(world, "1", 0))
        world.apply(_put(world, 0))
        sent = request(host="put.test")
        viewer, got = await world.learnt(sent)
        assert got["X-Custom"] == "1"
        world.apply(_sharing(world, "2", 1))
        fast, got = await world.answered(sent, viewer)
        assert (fast, got["X-Custom"]) == (False, "2")


async def test_a_distribution_that_is_disabled() -> None:
    async with fast_world() as world:
        world.apply(_sharing(world, "1", 0))
        world.apply(_put(world, 0))
        sent = request(host="put.test")
        viewer, _ = await world.learnt(sent)
        world.apply(_put(world, 1, enabled=False))
        fast, got = await world.answered(sent, viewer)
        assert (fast, got.status) == (False, 403)


async def test_nothing_is_learned_while_a_change_spreads_and_everything_after() -> None:
    async with fast_world(propagation={"distributions": 100}) as world:
        world.apply(_sharing(world, "1", 0))
        world.apply(_put(world, 0))
        world.advance(50)
        viewer = await world.viewer()
        for _ in range(4):
            fast, _ = await world.answered(request("/one.plain"), viewer)
            assert not fast
        world.advance(50)
        await world.learnt(request("/one.plain"), viewer)


async def test_a_changed_world_file() -> None:
    async with fast_world() as world:
        sent = request("/headers/one.plain", "X-Other: 1")
        viewer, _ = await world.learnt(sent)
        written = document(1)
        written["origins"]["main"]["url"] = world.running.world.document["origins"]["main"]["url"]  # type: ignore[index, call-overload]
        written["distributions"][0]["behaviors"][0]["key"] = {"headers": ["X-Other"]}
        world.apply(check_data(written).configure(0.0))
        fast, got = await world.answered(sent, viewer)
        assert (fast, got.cached) == (False, "Miss")


HARMLESS: list[Callable[[FastWorld], Command]] = [
    lambda world: Reset(real=world.running.clock.real()),
    lambda world: BindSite(http_port=1),
    lambda world: SetEdge(pop=FAR, state="partitioned"),
    lambda world: SetLatency(mode="reported", scale=2),
    lambda world: invalidate(world, "/nothing/like/it"),
    lambda world: SetFault(id="f", target=f"edge:{FAR}", kind="slow", value=1),
]


@pytest.mark.parametrize("number", range(len(HARMLESS)))
async def test_any_change_drops_everything(number: int) -> None:
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        world.apply(HARMLESS[number](world))
        fast, _ = await world.answered(ONE, viewer)
        assert not fast


async def test_hits_before_a_change_of_the_clock_are_counted_before_it() -> None:
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE)
        before = world.billing.facts("2026-03")["regions"][0]["usage"]["http_requests"]
        for _ in range(5):
            await viewer.ask(ONE)
        world.advance(40 * 86_400)
        for _ in range(3):
            await viewer.ask(ONE)
        world.fast.flush()
        assert world.billing.facts("2026-03")["regions"][0]["usage"]["http_requests"] == before + 5
        assert world.billing.facts("2026-04")["regions"][0]["usage"]["http_requests"] == 3


async def test_connections_of_more_addresses_than_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that was forgotten has its connections still; a change of the World reaches them too."""
    monkeypatch.setattr("edgesim.edge.fast.MOST_LANES", 20)
    async with fast_world() as world:
        viewer, _ = await world.learnt(ONE, await world.viewer(source="127.0.1.1"))
        for number in range(2, 40):
            other = await world.viewer(source=f"127.0.1.{number}")
            await other.ask(ONE)
            await other.close()
        assert len(world.fast._lanes) <= 20
        world.origin.stamp = "B"
        world.apply(SetEdge(pop=NEAR, state="stopped"))
        fast, got = await world.answered(ONE, viewer)
        assert (fast, got["X-Amz-Cf-Pop"]) == (False, "JFK50-P1")


async def test_a_change_while_an_answer_is_on_its_way() -> None:
    """What was decided in the World before is not learned in the World after."""
    async with fast_world() as world:
        chunked = request("/slow.chunked")
        viewer, _ = await world.learnt(chunked)
        entered, leave = asyncio.Event(), asyncio.Event()
        usual = world.running.service._send

        async def slow(visit: object, answer: object) -> None:
            await usual(visit, answer)  # type: ignore[arg-type]
            entered.set()
            await leave.wait()

        world.fast.forget()
        world.running.service._send = slow  # type: ignore[method-assign, assignment]
        asking = asyncio.ensure_future(viewer.ask(chunked))
        await entered.wait()
        world.apply(SetEdge(pop=NEAR, state="stopped"))
        leave.set()
        await asking
        fast, got = await world.answered(chunked, viewer)
        assert (fast, got["X-Amz-Cf-Pop"]) == (False, "JFK50-P1")


async def test_an_invalidation_while_an_answer_is_on_its_way() -> None:
    async with fast_world(propagation={"invalidations": 100}) as world:
        viewer, _ = await world.learnt(ONE)
        world.apply(invalidate(world, "/one.plain"))
        entered, leave = asyncio.Event(), asyncio.Event()
        usual = world.running.service._send

        async def slow(visit: object, answer: object) -> None:
            await usual(visit, answer)  # type: ignore[arg-type]
            entered.set()
            await leave.wait()

        world.running.service._send = slow  # type: ignore[method-assign, assignment]
        asking = asyncio.ensure_future(viewer.ask(ONE))
        await entered.wait()
        world.running.hierarchy.carry_out(world.running.clock.now() + 100)  # due, without any command
        leave.set()
        await asking
        world.origin.stamp = "B"
        fast, got = await world.answered(ONE, viewer)
        assert (fast, got.body[:1]) == (False, b"B")
