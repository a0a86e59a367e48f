"""Requests that a running edge signs for its origin: with the time, never learned, and nothing of it in a key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fast_worlds import FastWorld, Got, document, fast_world, origin, request

from edgesim.core.behaviors import OriginAccess, OriginProtocol
from edgesim.core.origin_signing import ACCESS_KEY
from edgesim.world.commands import SetLatency

pytestmark = pytest.mark.live


def origins(port: int, signing: str) -> dict[str, object]:
    return {"main": {**document(port)["origins"]["main"], "access": {"signing": signing, "region": "eu-west-1"}}}


async def ask(world: FastWorld, target: str, *lines: str) -> Got:
    viewer = await world.viewer()
    got = await viewer.ask(request(target, *lines))
    await viewer.close()
    return got


async def test_each_signature_is_of_its_time_and_the_relay_never_learns_it() -> None:
    async with origin() as (port, _), fast_world(port=port, origins=origins(port, "no-override")) as world:
        viewer = await world.viewer()
        seen = set()
        for _ in range(6):
            got = await viewer.ask(request("/off/one.plain"))
            assert f"Credential={ACCESS_KEY}/20260301/eu-west-1/s3/aws4_request".encode() in got.body
            trip = world.verdict(got).origin
            assert trip is not None
            sent = {name.lower(): value for name, value in trip.sent}
            assert sent["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
            seen.add(sent["x-amz-date"])
            world.advance(60)
        assert min(seen) == "20260301T120000Z"
        assert len(seen) == 6
        assert world.fast.passed == 0


async def test_a_signature_makes_no_second_object_and_a_hit_is_learned() -> None:
    async with origin() as (port, kind), fast_world(port=port, origins=origins(port, "no-override")) as world:
        first = await ask(world, "/one.plain")
        assert ACCESS_KEY.encode() in first.body
        world.advance(60)
        _, got = await world.learnt(request("/one.plain"))
        assert got.body == first.body
        assert kind.asked == 1
        assert "aws4" not in world.verdict(got).key.lower()


async def test_no_override_leaves_what_the_viewer_signed() -> None:
    async with origin() as (port, _), fast_world(port=port, origins=origins(port, "no-override")) as world:
        got = await ask(world, "/off/one.plain", "Authorization: Bearer x")
        assert b"Authorization=Bearer x" in got.body
        not_forwarded = await ask(world, "/one.plain", "Authorization: Bearer x")
        assert ACCESS_KEY.encode() in not_forwarded.body


async def test_never_signs_nothing() -> None:
    async with origin() as (port, _), fast_world(port=port, origins=origins(port, "never")) as world:
        assert b"Authorization" not in (await ask(world, "/off/one.plain")).body


async def test_what_is_always_signed_goes_over_https_whatever_the_viewer_speaks() -> None:
    async with fast_world() as world:
        keeper, before = world.running.keeper, world.running.world
        one = before.distribution_for("one.test")
        assert one is not None
        for signing, failure in (("no-override", None), ("always", "TLS_HANDSHAKE")):
            bucket = replace(
                one.origins["main"], protocol=OriginProtocol.MATCH_VIEWER, https_port=world.running.http.port
            )
            changed = replace(one, origins={"main": replace(bucket, access=OriginAccess(signing))})
            after = replace(before, distributions={**before.distributions, one.id: changed})
            keeper.install(after, keeper.sequence, SetLatency(mode="reported"))
            verdict = world.verdict(await ask(world, f"/off/{signing}.plain"))
            assert (verdict.root_failure and verdict.root_failure.kind.name) == failure
            assert verdict.status == (200 if failure is None else 502)
