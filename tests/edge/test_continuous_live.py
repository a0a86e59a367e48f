"""Continuous deployment at a running edge: own caches, own log fields, a cookie, and no fast path."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fast_worlds import FastWorld, Got, fast_world, request

from edgesim.core.behaviors import Continuous, Distribution
from edgesim.core.continuous import Deployment
from edgesim.core.reasons import Outcome, Rejection
from edgesim.core.selection import SESSION_COOKIE
from edgesim.observe.explain import explained
from edgesim.observe.words import told
from edgesim.world.commands import SetLatency

pytestmark = pytest.mark.live
MARKED = ("aws-cf-cd-try: 1",)
STAGING = "d00000staging1.cloudfront.net"


def deploy(world: FastWorld, **policy: Any) -> tuple[Distribution, Distribution]:
    """Put a staging distribution beside ``one.test``, and a policy on that."""
    primary = world.running.world.distribution_for("one.test")
    assert primary is not None
    staging = replace(primary, id="ESTAGING000001", domain=STAGING, aliases=(), staging=True)
    changed = replace(primary, continuous=Continuous("P1", (staging.id,), **policy))
    put(world, staging, changed)
    return changed, staging


def put(world: FastWorld, *distributions: Distribution) -> None:
    """Have a World with these distributions, however they came into it."""
    keeper, before = world.running.keeper, world.running.world
    changed = {**before.distributions, **{one.id: one for one in distributions}}
    after = replace(before, distributions=changed, generation=before.generation + 1)
    keeper.install(after, keeper.sequence, SetLatency(mode="reported"))


async def ask(world: FastWorld, *lines: str, target: str = "/one.plain", host: str = "one.test") -> Got:
    viewer = await world.viewer()
    got = await viewer.ask(request(target, *lines, host=host))
    await viewer.close()
    return got


async def test_by_header_each_side_has_a_cache_of_its_own() -> None:
    async with fast_world() as world:
        primary, staging = deploy(world, header=("aws-cf-cd-try", "1"))
        for lines, served, reason in (
            (MARKED, staging, Deployment.HEADER),
            ((), primary, Deployment.OTHER_HEADER),
        ):
            first, second = [await ask(world, *lines) for _ in range(2)]
            assert (first.cached, second.cached) == ("Miss", "Hit")
            verdict = world.verdict(second)
            assert (verdict.distribution, verdict.domain) == (served.id, served.domain)
            assert (verdict.primary, verdict.primary_domain) == (primary.id, primary.domain)
            assert verdict.deployment is reason
            facts = explained(verdict, world.running.world)
            assert facts["distribution"]["deployment"]["name"] == reason.name
            assert f"Asked for: {primary.id}. {reason.sentence}" in told(facts)
            assert not second["Set-Cookie"]


async def test_a_staging_distribution_has_no_name_of_its_own() -> None:
    async with fast_world() as world:
        _, staging = deploy(world, header=("aws-cf-cd-try", "1"))
        got = await ask(world, *MARKED, host=staging.domain)
        assert got.status == 403
        assert world.verdict(got).rejection is Rejection.STAGING
    async with fast_world(switches={"staging_domain_answers": True}) as world:
        deploy(world, header=("aws-cf-cd-try", "1"))
        assert (await ask(world, host=STAGING)).status == 200


async def test_a_sticky_share_sets_its_cookie_and_never_stores_or_sends_it() -> None:
    async with fast_world() as world:
        deploy(world, weight=0.15, idle_ttl=300, max_ttl=600)
        first = await ask(world, target="/off/one.plain")
        cookie = first["Set-Cookie"].partition(";")[0]
        side = world.verdict(first).distribution
        assert cookie.startswith(f"{SESSION_COOKIE}=")
        assert SESSION_COOKIE not in first.body.decode()
        for _ in range(20):
            got = await ask(world, f"Cookie: {cookie}; own=1", target="/off/one.plain")
            assert world.verdict(got).distribution == side
            assert b"Cookie=own=1" in got.body
            assert got["Set-Cookie"]
        world.advance(300)
        late = await ask(world, f"Cookie: {cookie}", target="/off/one.plain")
        assert world.verdict(late).deployment in (Deployment.WEIGHT, Deployment.OTHER_WEIGHT)
        sides = {world.verdict(await ask(world)).distribution for _ in range(100)}
        assert len(sides) == 2
        assert not any("Set-Cookie" in entry.headers for entry in world.cache().store.entries())


@pytest.mark.parametrize(
    "policy",
    [{"weight": 0.15}, {"weight": 0.0, "idle_ttl": 300}, {"header": ("aws-cf-cd-try", "1")}],
    ids=["weight", "stickiness", "header"],
)
@pytest.mark.parametrize("target", ["/one.plain", "/off/one.plain"])
async def test_the_fast_path_never_answers_for_such_a_distribution(policy: dict[str, Any], target: str) -> None:
    async with fast_world() as world:
        viewer, _ = await world.learnt(request("/one.plain"))
        deploy(world, **policy)
        before, passed = world.hits, world.fast.passed
        for _ in range(6):
            got = await viewer.ask(request(target))
            assert world.verdict(got).deployment is not None
            marked = await viewer.ask(request(target, *MARKED))
            assert world.verdict(marked).deployment is not None
        assert (world.hits, world.fast.passed) == (before, passed)


async def test_who_the_primary_turns_away_does_not_come_to_staging() -> None:
    async with fast_world() as world:
        primary, _ = deploy(world, header=("aws-cf-cd-try", "1"))
        put(world, replace(primary, enabled=False))
        got = await ask(world, *MARKED)
        verdict = world.verdict(got)
        assert (got.status, verdict.rejection, verdict.outcome) == (403, Rejection.DISABLED, Outcome.ERROR)
        assert verdict.deployment is None
