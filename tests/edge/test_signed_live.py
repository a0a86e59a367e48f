"""Signed URLs on the wire: the fast ways never serve them, the log has the whole query, and the clock decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fast_worlds import FastWorld, fast_world, request

from edgesim.core.reasons import Rejection
from edgesim.observe.explain import explained
from support.signing import KEY_ID, public_pem, rsa_key, signed

pytestmark = pytest.mark.live


def sections(**more: Any) -> dict[str, Any]:
    """A distribution with open and private paths, cached and not."""
    usual = {"origin": "main", "ttl": {"min": 0, "default": 300, "max": 86_400}, "key": {"query": "all"}}
    off = {"origin": "main", "cache_policy": "CachingDisabled"}
    trusted = {"trusted_key_groups": ["g"]}
    behaviors = [
        {"path": "/private/*", **usual, **trusted},
        {"path": "/dynamic/*", **off, **trusted},
        {"path": "/off/*", **off},
    ]
    return {
        "public_keys": {"one": {"pem": public_pem(rsa_key()), "id": KEY_ID}},
        "key_groups": {"g": ["one"]},
        "distributions": [
            {"name": "one", "aliases": ["one.test"], "behaviors": behaviors, "default_behavior": usual},
        ],
        **more,
    }


def asked(world: FastWorld, target: str, lasts: int = 60) -> bytes:
    url = signed(f"http://one.test{target}", int(world.running.clock.now()) + lasts)
    return request(url.removeprefix("http://one.test"), "User-Agent: x")


@pytest.mark.parametrize("target", ["/private/one.plain", "/dynamic/one.plain"])
async def test_every_request_is_checked(target: str) -> None:
    async with fast_world(**sections()) as world:
        viewer, sent = await world.viewer(), asked(world, target)
        for _ in range(6):
            assert (await viewer.ask(sent)).status == 200
        assert (world.hits, world.fast.passed) == (0, 0)
        world.advance(60)
        got = await viewer.ask(sent)
        assert got.status == 403
        assert world.verdict(got).rejection is Rejection.NO_LONGER


async def test_open_paths_of_the_same_distribution_stay_fast() -> None:
    async with fast_world(**sections()) as world:
        viewer, _ = await world.learnt(request("/open.plain", "User-Agent: x"))
        for _ in range(6):
            await viewer.ask(request("/off/open.plain", "User-Agent: x"))
        world.fast.flush()
        assert world.fast.passed > 0


async def test_the_log_has_the_whole_query_and_explain_says_why(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    async with fast_world(**sections(logs={"access": str(log)})) as world:
        viewer, sent = await world.viewer(), asked(world, "/private/one.plain?a=1", lasts=-12)
        got = await viewer.ask(sent)
        facts = explained(world.verdict(got), world.running.world)
        assert facts["detail"] == f"Key {KEY_ID}, canned policy: it expired 12 s ago, at Sun, 01 Mar 2026 11:59:48 GMT."
        assert facts["rejection"]["slug"] == "AccessDenied"
        assert b"text/xml" in got.head
        good = await viewer.ask(asked(world, "/private/one.plain?a=1"))
        assert explained(world.verdict(good), world.running.world)["key"]["current"]
    rows = [row.split("\t") for row in log.read_text().splitlines() if not row.startswith("#")]
    assert [row[8] for row in rows] == ["403", "200"]
    assert all(row[11].startswith("a=1&Expires=") and f"Key-Pair-Id={KEY_ID}" in row[11] for row in rows)
    assert rows[0][28] == "Error"
