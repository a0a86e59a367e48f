"""POST /_edgesim/reset: a world that keeps nothing begins again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import boto3
import pytest
import pytest_asyncio
from control_asker import WORLD, Asker

from edgesim.assembly.running import Address, Options, RunningWorld
from edgesim.control.app import Control
from edgesim.observe.clock import system_time
from edgesim.world.loading import check_text


@pytest_asyncio.fixture(params=[True, False], ids=["ephemeral", "kept"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Asker]:
    configure = check_text(WORLD, file=str(tmp_path / "world.yaml")).configure(system_time())
    state = None if request.param else tmp_path / "state"
    running = await RunningWorld.start(Options(configure, state=state))
    control = Control(running)
    try:
        url = await control.start(Address())
        async with aiohttp.ClientSession() as session:
            yield Asker(running, control, url, session)
    finally:
        await control.close()
        await running.close()


async def _made(world: Asker) -> str:
    """A distribution made through the API."""
    client = boto3.client(
        "cloudfront",
        region_name="us-east-1",
        endpoint_url=world.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    config = {
        "CallerReference": "one",
        "Comment": "",
        "Enabled": True,
        "Origins": {
            "Quantity": 1,
            "Items": [
                {
                    "Id": "here",
                    "DomainName": "localhost",
                    "CustomOriginConfig": {"HTTPPort": 3000, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"},
                }
            ],
        },
        "DefaultCacheBehavior": {
            "TargetOriginId": "here",
            "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        },
    }
    made = await asyncio.to_thread(client.create_distribution, DistributionConfig=config)
    client.close()
    return str(made["Distribution"]["Id"])


@pytest.mark.live
@pytest.mark.parametrize("world", [True], indirect=True, ids=["ephemeral"])
async def test_everything_is_as_at_the_start(world: Asker) -> None:
    running, before = world.running, dict(world.running.world.distributions)
    path = "/lab?cache-control=max-age=300"
    id = await _made(world)
    first = await world.view(path)
    assert (await world.view(path)).headers["X-Cache"] == "Hit from cloudfront"
    await world.post("clock", {"advance": "25h"})
    await world.post("faults", {"target": "edge:SYD62-C1", "kind": "stop"})
    await world.post("invalidations", {"paths": ["/*"], "distribution": "harbour"})
    assert (await world.get("stats"))["total"]["requests"] == 2

    answer = await world.ask("POST", "reset")
    assert answer.status == 200, answer.text
    assert answer.json["distributions"] == list(before)
    assert abs(answer.json["clock"]["offset_s"]) < 5
    assert id not in running.world.distributions
    assert running.world.distributions == before
    assert not any(running.world.records.values())
    assert (await world.get("stats"))["total"]["requests"] == 0
    assert (await world.get("bill"))["regions"] == []
    assert (await world.get("faults"))["faults"] == []
    assert (await world.get("invalidations"))["invalidations"] == []
    assert (await world.ask("GET", f"explain/{first.headers['X-Amz-Cf-Id']}")).status == 404
    assert running.hierarchy.next_due() is None
    assert (await world.view(path)).headers["X-Cache"] == "Miss from cloudfront"
    assert (await world.view(path)).headers["X-Cache"] == "Hit from cloudfront"


@pytest.mark.live
@pytest.mark.parametrize("world", [False], indirect=True, ids=["kept"])
async def test_a_world_that_keeps_its_state_says_what_to_do(world: Asker) -> None:
    id = await _made(world)
    answer = await world.ask("POST", "reset")
    assert (answer.status, answer.error["code"]) == (409, "ResetRefused")
    assert "--ephemeral" in answer.error["message"]
    assert id in world.running.world.distributions
