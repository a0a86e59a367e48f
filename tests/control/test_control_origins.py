"""Addresses of origins by the control port, and what comes of an origin that has none."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from aiohttp import web
from control_asker import Asker

from edgesim.world.cloudfront.defaults import filled_distribution
from edgesim.world.commands import DropRecord, PutRecord

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

DOMAIN = "shop.example.com"


def put(asker: Asker, version: int, *, enabled: bool = True) -> None:
    custom = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    config: dict[str, Any] = {
        "CallerReference": "1",
        "Comment": "",
        "Enabled": enabled,
        "Aliases": {"Quantity": 1, "Items": ["shop.test"]},
        "Origins": {"Quantity": 1, "Items": [{"Id": "shop", "DomainName": DOMAIN, "CustomOriginConfig": custom}]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "shop",
            "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        },
    }
    asker.running.keeper.apply(
        PutRecord(
            family="distribution",
            id="ESHOP",
            config=filled_distribution(config),
            facts={"domain": "dshop.cloudfront.net"},
            at=asker.running.clock.now(),
            expect=version,
        )
    )


async def fetch(asker: Asker, path: str) -> tuple[int, str]:
    at = asker.running.http
    assert at is not None
    async with asker.session.get(f"http://127.0.0.1:{at.port}{path}", headers={"Host": "shop.test"}) as response:
        return response.status, await response.text()


async def test_an_origin_without_an_address_is_never_called_until_it_has_one(
    asker: Asker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "edgesim.control"):
        put(asker, 0)
    (said,) = (await asker.get("warnings"))["warnings"]
    assert said in caplog.text
    assert f"{DOMAIN} has no address on this machine" in said
    assert (await asker.get("origins"))["origins"] == [{"domain": DOMAIN, "url": None, "address": "", "used": True}]
    assert (await fetch(asker, "/"))[0] == 502
    (verdict,) = await asker.running.newest(1)
    assert f"{DOMAIN} has no address on this machine" in repr(verdict)

    async def hello(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.host} {request.path}")

    app = web.Application()
    app.router.add_get("/{path:.*}", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        answer = await asker.ask("PUT", f"origins/{DOMAIN}", {"url": url})
        assert (answer.status, answer.json) == (201, {"domain": DOMAIN, "url": url})
        assert (await asker.ask("PUT", f"origins/{DOMAIN}", {"url": url})).status == 200
        assert await fetch(asker, "/x") == (200, f"{DOMAIN} /x")
        assert (await asker.get("warnings"))["warnings"] == []
    finally:
        await runner.cleanup()
    assert (await asker.ask("DELETE", f"origins/{DOMAIN}")).json == {"dropped": [DOMAIN]}
    assert (await fetch(asker, "/y"))[0] == 502
    put(asker, 1, enabled=False)
    drop = DropRecord(family="distribution", id="ESHOP", at=asker.running.clock.now(), expect=2)
    asker.running.keeper.apply(drop)
    assert (await asker.get("origins"))["origins"] == []


@pytest.mark.parametrize("url", ["resolve", "ftp://x", "http://127.0.0.1:3000/path", "3000"])
async def test_what_is_no_url_of_a_server_is_refused(asker: Asker, url: str) -> None:
    answer = await asker.ask("PUT", f"origins/{DOMAIN}", {"url": url})
    assert (answer.status, answer.error["code"]) == (400, "InvalidArgument")


async def test_an_address_that_was_not_given_cannot_be_taken_away(asker: Asker) -> None:
    answer = await asker.ask("DELETE", "origins/nobody.example.com")
    assert (answer.status, answer.error["code"]) == (404, "NoSuchOrigin")


@pytest.mark.parametrize("name", ["..%2F", "a%20b", "x..com"])
async def test_an_address_is_for_a_domain_name(asker: Asker, name: str) -> None:
    answer = await asker.ask("PUT", f"origins/{name}", {"url": "http://127.0.0.1:3000"})
    assert (answer.status, answer.error["code"]) == (400, "InvalidArgument")


async def test_an_address_of_the_world_file_changes_only_there(asker: Asker) -> None:
    keeper = asker.running.keeper
    given = keeper.world.file.model_copy(update={"origin_addresses": {"filed.example.com": "http://127.0.0.1:3000"}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(keeper.world.__dict__, "file", given)
        answer = await asker.ask("DELETE", "origins/filed.example.com")
    assert (answer.status, answer.error["code"]) == (403, "AccessDenied")
    assert "in the world file" in answer.error["message"]
