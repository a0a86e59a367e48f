"""Every route of the control port, asked of a running world."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from control_asker import Asker
from prometheus_client.parser import text_string_to_metric_families

from edgesim.control import aws
from edgesim.control.app import ROUTES, Control
from edgesim.errors import EdgesimError

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.live]


async def test_health_names_the_world_and_where_it_is(asker: Asker) -> None:
    health = await asker.get("health")
    assert (health["status"], health["name"], health["edges"]) == ("ok", "two edges", 2)
    assert health["http"] == asker.running.http.url("http")  # type: ignore[union-attr]


async def test_a_miss_then_a_hit_are_explained(asker: Asker) -> None:
    headers = {"Cookie": "flavour=mint; other=1"}
    first = await asker.view("/lab?cache-control=max-age=300&a=1", headers=headers)
    second = await asker.view("/lab?cache-control=max-age=300&a=1", headers=headers)
    miss = await asker.get(f"explain/{first.headers['X-Amz-Cf-Id']}")
    hit = await asker.get("explain/last")
    assert hit["id"] == second.headers["X-Amz-Cf-Id"]
    assert (miss["outcome"], hit["outcome"]) == ("Miss", "Hit")
    assert miss["edge"]["pop"] == "LHR61-C2"
    assert [one["pop"] for one in miss["edge"]["candidates"]] == ["LHR61-C2", "SYD62-C1"]
    assert miss["behavior"]["passed_over"] == ["/wp-admin*"]
    assert {"kind": "cookie", "name": "flavour", "value": "mint"} in miss["key"]["included"]
    assert {"kind": "cookie", "name": "other", "value": "1"} in miss["key"]["left_out"]
    assert miss["key"]["current"] is True
    edge = miss["cache"]
    assert edge["forwarded"]["slug"] == "uri-miss"
    assert edge["upstream"]["tier"] == "regional"
    trip = edge["upstream"]["origin"]
    assert (trip["origin"], trip["status"]) == ("site", 200)
    assert "X-Edgesim-Location" in trip["dropped"]
    sum_ = hit["cache"]["freshness"]
    assert (sum_["lifetime"], sum_["rule"]["slug"], sum_["fresh"]) == (300, "max-age", True)
    assert hit["cache"]["origin"] is None
    for word in ("Where", "Rule", "Key", "Caches", "Time"):
        assert f"\n{word} " in hit["text"]
    assert "\nOrigin " in miss["text"]


async def test_a_refused_request_is_explained(asker: Asker) -> None:
    answer = await asker.view("/", headers={"X-Edgesim-Location": "Atlantis-sur-Mer"})
    facts = await asker.get(f"explain/{answer.headers['X-Amz-Cf-Id']}")
    assert facts["rejection"]["name"] == "UNKNOWN_PLACE"
    assert facts["cache"] is None
    assert "names no known place" in facts["text"]


async def test_an_unknown_request_is_not_explained(asker: Asker) -> None:
    answer = await asker.ask("GET", "explain/nobody")
    assert (answer.status, answer.error["code"]) == (404, "NoSuchRequest")


async def test_the_clock_moves_on_and_never_back(asker: Asker) -> None:
    before = await asker.get("clock")
    after = await asker.post("clock", {"advance": "25h"})
    assert after["now"] - before["now"] == pytest.approx(25 * 3600, abs=30)
    paused = await asker.post("clock", {"pause": True})
    assert paused["paused"] is True
    assert (await asker.get("clock"))["now"] == paused["now"]
    assert (await asker.post("clock", {"advance": 10}))["now"] == pytest.approx(paused["now"] + 10)
    assert (await asker.post("clock", {"speed": 60}))["speed"] == 60
    await asker.post("clock", {"pause": True})
    assert (await asker.post("clock", {"resume": True}))["speed"] == 60
    assert (await asker.post("clock", {"speed": 1}))["speed"] == 1
    back = await asker.ask("POST", "clock", {"set": "2001-01-01T00:00:00Z"})
    assert (back.status, back.error["code"]) == (400, "InvalidArgument")
    assert "does not go back" in back.error["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "exactly one of"),
        ({"advance": 1, "pause": True}, "exactly one of"),
        ({"advance": "soon"}, "duration"),
        ({"advance": -1}, "negative"),
        ({"advance": True}, "advance"),
        ({"advance": 1e300}, "year 9000"),
        ({"set": "tomorrow"}, "2026-03-01T12:00:00Z"),
        ({"set": "2030-01-01T00:00:00"}, "zone"),
        ({"pause": False}, "expected true"),
        ({"speed": -1}, "speed: found -1"),
        ({"advanc": 1}, "did you mean advance"),
    ],
)
async def test_what_the_clock_cannot_do_is_said(asker: Asker, body: Any, words: str) -> None:
    answer = await asker.ask("POST", "clock", body)
    assert answer.status == 400
    assert words in answer.error["message"]


async def test_latency(asker: Asker) -> None:
    assert (await asker.get("latency"))["mode"] == "reported"
    assert (await asker.post("latency", {"scale": 0.5}))["scale"] == 0.5
    assert (await asker.post("latency", {"mode": "reported", "scale": 1}))["scale"] == 1
    assert (await asker.ask("POST", "latency", {"mode": "fast"})).status == 400


async def test_edges_and_what_they_hold(asker: Asker) -> None:
    await asker.view("/lab?cache-control=max-age=60,stale-while-revalidate=30&etag=v1&edge", "Sydney")
    edges = {one["pop"]: one for one in (await asker.get("edges"))["edges"]}
    sydney = edges["SYD62-C1"]
    assert (sydney["city"], sydney["country"], sydney["regional_cache"]) == ("Sydney", "AU", "ap-southeast-2")
    assert (sydney["pricing_region"], sydney["capacity_bytes"]) == ("au_nz", 1_000_000)
    assert sydney["requests"] >= 1
    assert sydney["entries"] >= 1
    assert (await asker.get("edges/syd"))["pop"] == "SYD62-C1"
    assert (await asker.get("edges/Sydney"))["pop"] == "SYD62-C1"
    listing = await asker.get("edges/SYD/entries?limit=5&prefix=/lab")
    entry = next(one for one in listing["entries"] if one["uri"].endswith("&edge"))
    assert (entry["status"], entry["lifetime_s"], entry["fresh"]) == (200, 60, True)
    assert 85 < entry["stale_while_revalidate_left_s"] <= 90
    assert (await asker.get("edges/SYD/entries?prefix=/none"))["entries"] == []
    regional = (await asker.get("regional"))["regional"]
    assert "ap-southeast-2" in [one["region"] for one in regional]
    assert (await asker.get("regional/ap-southeast-2/entries"))["entries"]
    assert (await asker.ask("GET", "regional/mars-1/entries")).status == 404
    for query in ("limit=0", "limit=many", "limit=1001", "limit=1.5", "perfix=/"):
        assert (await asker.ask("GET", f"edges/SYD/entries?{query}")).status == 400


async def test_an_edge_is_stopped_and_its_viewers_go_elsewhere(asker: Asker) -> None:
    assert (await asker.post("edges/SYD", {"state": "stopped"}))["state"] == "stopped"
    there = await asker.view("/lab?stopped", "Sydney")
    assert there.headers["X-Amz-Cf-Pop"] == "LHR61-C2"
    facts = await asker.get("explain/last")
    assert [one["excluded"] for one in facts["edge"]["candidates"]] == ["the edge is stopped", None]
    assert (await asker.post("edges/SYD", {"state": "up"}))["state"] == "up"
    assert (await asker.ask("POST", "edges/SYD", {"state": "gone"})).status == 400
    nowhere = await asker.ask("POST", "edges/XXX", {"state": "up"})
    assert (nowhere.status, nowhere.error["code"]) == (404, "NoSuchEdge")


async def test_an_invalidation_reaches_every_cache_in_its_time(asker: Asker) -> None:
    path = "/lab?cache-control=max-age=3600&invalidated"
    await asker.view(path)
    made = await asker.post("invalidations", {"paths": ["lab*"], "caller_reference": "once"})
    assert (made["status"], made["paths"]) == ("InProgress", ["/lab*"])
    assert (await asker.post("invalidations", {"paths": ["/lab*"], "caller_reference": "once"}))["id"] == made["id"]
    caches = (await asker.get(f"invalidations/{made['id']}"))["caches"]
    assert {one["cache"] for one in caches} >= {"LHR61-C2", "SYD62-C1"}
    assert all(one["due_in_s"] <= 60 for one in caches)
    await asker.post("clock", {"advance": 61})
    done = await asker.get(f"invalidations/{made['id']}")
    assert done["status"] == "Completed"
    assert all(one["done"] for one in done["caches"])
    assert (await asker.view(path)).headers["X-Cache"] == "Miss from cloudfront"
    assert made["id"] in [one["id"] for one in (await asker.get("invalidations"))["invalidations"]]
    by_name = await asker.post("invalidations", {"paths": ["/x"], "distribution": "harbour"})
    assert by_name["distribution"] == made["distribution"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"paths": []}, 400),
        ({"paths": "/x"}, 400),
        ({"paths": ["/a~b"]}, 400),
        ({"paths": ["/x"], "distribution": "nobody"}, 404),
        ({"paths": [f"/{number}*" for number in range(16)]}, 400),
        ({"paths": ["/\ud800"]}, 400),
        ({"paths": ["/x"], "caller_reference": "\ud800"}, 400),
    ],
)
async def test_what_cannot_be_invalidated_is_said(asker: Asker, body: Any, status: int) -> None:
    answer = await asker.ask("POST", "invalidations", body)
    assert answer.status == status, answer.text


async def test_faults_break_and_are_mended(asker: Asker) -> None:
    made = await asker.post("faults", {"target": "origin:site", "kind": "error", "value": 503})
    assert (await asker.view("/lab?broken")).status == 503
    assert (await asker.get("faults"))["faults"] == [made]
    assert (await asker.ask("DELETE", f"faults/{made['id']}")).json == {"cleared": [made["id"]]}
    assert (await asker.ask("DELETE", f"faults/{made['id']}")).status == 404
    await asker.post("faults", {"target": "edge:syd", "kind": "partition", "id": "mine"})
    assert (await asker.post("faults", {"clear": True}))["cleared"] == ["mine"]
    assert (await asker.get("faults"))["faults"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"target": "origin:site"},
        {"kind": "stop"},
        {"target": "nonsense", "kind": "stop"},
        {"target": "origin:site", "kind": "explode"},
        {"target": "origin:site", "kind": "slow"},
        {"target": "origin:site", "kind": "stop", "value": 3},
        {"target": "origin:site", "kind": "error", "value": 200},
        {"clear": True, "kind": "stop"},
        {"clear": False},
    ],
)
async def test_what_cannot_be_broken_is_said(asker: Asker, body: Any) -> None:
    assert (await asker.ask("POST", "faults", body)).status in (400, 404)


async def test_stats_and_metrics_count_the_same(asker: Asker) -> None:
    await asker.view("/lab?cache-control=max-age=9&counted")
    await asker.view("/lab?cache-control=max-age=9&counted")
    stats = await asker.get("stats")
    total = stats["total"]
    assert total["requests"] == sum(one["requests"] for one in stats["edges"].values())
    assert total["requests"] == sum(total["results"].values())
    assert total["latency_ms"]["count"] == total["requests"]
    text = (await asker.ask("GET", "metrics")).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    counted = [sample for sample in families["edgesim_requests"].samples if sample.name.endswith("_total")]
    assert sum(sample.value for sample in counted) == total["requests"]
    assert families["edgesim_clock_speed"].samples[0].value == 1
    assert {sample.labels["cache"] for sample in families["edgesim_cache_entries"].samples} >= {"LHR61-C2", "SYD62-C1"}


async def test_the_bill_has_a_line_for_every_region_served(asker: Asker) -> None:
    await asker.view("/lab?bill", "Sydney")
    await asker.view("/wp-admin/", method="POST", data=b"x" * 1000)
    bill = await asker.get("bill")
    regions = {one["region"]: one for one in bill["regions"]}
    assert set(regions) == {"au_nz", "eu_il_tr"}
    assert regions["eu_il_tr"]["usage"]["bytes_to_origin"] >= 1000
    assert bill["total_micro_usd"] == regions["eu_il_tr"]["lines"][-1]["micro_usd"]  # all but to-origin is free
    assert (await asker.get("bill?month=2001-01"))["regions"] == []
    assert (await asker.ask("GET", "bill?month=May")).status == 400


async def test_the_world_and_its_parts_are_shown(asker: Asker) -> None:
    world = await asker.get("world")
    assert world["document"]["name"] == "two edges"
    (one,) = (await asker.get("distributions"))["distributions"]
    assert (one["name"], one["status"], len(one["behaviors"])) == ("harbour", "Deployed", 2)
    certificates = await asker.get("certificates")
    assert any("www.harbour.test" in one["names"] and one["valid"] for one in certificates["certificates"])
    assert "PRIVATE" not in json.dumps(certificates)
    assert (await asker.get("warnings"))["warnings"] == []
    latest = (await asker.get("verdicts?limit=1"))["verdicts"]
    assert latest[0]["id"] == (await asker.get("explain/last"))["id"]


async def test_commands_can_be_followed(asker: Asker) -> None:
    known = await asker.get("commands")
    assert known["commands"][0][1]["command"] == "configure"
    assert [number for number, _ in known["commands"]] == list(range(1, known["sequence"] + 1))
    waiting = asyncio.ensure_future(asker.get(f"commands?since={known['sequence']}&wait=30"))
    await asyncio.sleep(0)
    await asker.post("latency", {"mode": "reported"})
    news = await waiting
    assert [command["command"] for _, command in news["commands"]] == ["set_latency"]
    assert (await asker.get(f"commands?since={news['sequence']}"))["commands"] == []
    assert (await asker.ask("GET", "commands?since=999999")).status == 400


async def test_events_tell_of_requests_and_changes(asker: Asker) -> None:
    url = f"{asker.url}/_edgesim/events"
    async with asker.session.get(url) as stream:
        assert stream.content_type == "text/event-stream"
        assert (await _event(stream))[0] == "hello"
        answer = await asker.view("/lab?events")
        name, verdict = await _event(stream)
        assert (name, verdict["id"]) == ("verdict", answer.headers["X-Amz-Cf-Id"])
        await asker.post("latency", {"mode": "reported"})
        name, change = await _event(stream)
        assert (name, change["command"]) == ("world", "set_latency")
    assert (await asker.ask("GET", "events?only=gossip")).status == 400


async def _event(stream: Any) -> tuple[str, Any]:
    name = (await stream.content.readline()).decode().removeprefix("event: ").strip()
    data = json.loads((await stream.content.readline()).decode().removeprefix("data: "))
    await stream.content.readline()
    return name, data


async def test_a_stream_ends_when_the_port_closes(asker: Asker) -> None:
    other = Control(asker.running)
    url = await other.start(asker.running.http.__class__())  # type: ignore[misc]
    async with asker.session.get(f"{url}/_edgesim/events") as stream:
        assert (await _event(stream))[0] == "hello"
        poll = asyncio.ensure_future(asker.session.get(f"{url}/_edgesim/commands?since=0&wait=30"))
        await asyncio.wait_for(other.close(), 5)
        await asyncio.wait_for(stream.content.read(), 5)
        poll.cancel()


async def test_a_port_that_is_taken_is_an_error_with_words(asker: Asker) -> None:
    from edgesim.assembly.running import Address

    taken = int(asker.url.rpartition(":")[2])
    with pytest.raises(EdgesimError, match="choose another with --control"):
        await Control(asker.running).start(Address(port=taken))


async def test_the_pages_are_whole_in_themselves(asker: Asker) -> None:
    for path in ("/", "docs"):
        page = await asker.ask("GET", path)
        assert page.status == 200
        assert page.headers["Content-Type"].startswith("text/html")
        assert "src=" not in page.text
        assert "{{" not in page.text.replace("{{ ", "")
        assert "https://" not in page.text
    docs = (await asker.ask("GET", "docs")).text
    assert all(route.full in docs for route in ROUTES)


async def test_every_route_is_documented_and_every_document_is_routed(asker: Asker) -> None:
    api = await asker.get("openapi.json")
    documented = {(method.upper(), path) for path, operations in api["paths"].items() for method in operations}
    app = asker.control._runner.app  # type: ignore[union-attr]
    routed = {(route.method, route.resource.canonical) for route in app.router.routes() if route.method != "HEAD"}
    assert documented == routed - {(method, path.replace(":(?s:.*)", "")) for method, path in aws.MOUNTED}
    ids = [one["operationId"] for operations in api["paths"].values() for one in operations.values()]
    assert len(set(ids)) == len(ids)
    for path, operations in api["paths"].items():
        for operation in operations.values():
            declared = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert declared == {part[1:-1] for part in path.split("/") if part.startswith("{")}
            assert all(one["description"] for one in operation["parameters"])
