"""Settings that act beyond one cache: in a world of their own, over real sockets."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest
from live_worlds import World, end, start_world

pytestmark = pytest.mark.live

WORLD = """
name: settings
latency: { mode: reported }
edges: [London, Manchester, Dublin]
site: { nodes: 1 }
origins:
  site: { toy_site: true, protocol: http-only }
switches: { head_limit: 20480, tier_refresh_outcome: Hit }
response_headers_policies:
  extra:
    cors: { origins: ["https://*.example.test"], methods: [GET, POST], headers: ["x-amz-*"], expose: [X-One] }
    security: { X-Frame-Options: { value: DENY, override: true } }
    custom: { X-Made: here }
    remove: [X-Served-By]
    server_timing: 100
distributions:
  - name: plain
    aliases: [localhost, 127.0.0.1]
    errors:
      - { code: 404, min_ttl: 5, page: /about/, response_code: 200 }
      - { code: 503, min_ttl: 5, page: /nothing-here/, response_code: 503 }
    behaviors:
      - { path: /lab/policy*, origin: site, ttl: { min: 0, default: 60, max: 100 }, key: { query: all },
          response_headers_policy: extra, methods: ALL }
      - { path: /lab*, origin: site, ttl: { min: 0, default: 60, max: 100 }, key: { query: all } }
    default_behavior: { origin: site, ttl: { min: 0, default: 60, max: 100 } }
  - name: other
    aliases: [other.test]
    account: "210987654321"
    default_behavior: { origin: site, ttl: { min: 0, default: 60, max: 100 } }
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("world") / "settings.yaml"
    path.write_text(WORLD)
    running = start_world(path, "--ephemeral")
    yield running
    end(running)


def test_head_limit(world: World) -> None:
    assert world.get("/about/", headers={"X-Long": "a" * 15_000}).status == 200
    got = world.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 20_480 + b"\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 494 ")


def test_an_expired_copy_that_the_regional_cache_calls_unchanged(world: World) -> None:
    pops = [edge["pop"] for edge in world.ask("edges")["edges"]]
    pair = [pop for pop in pops if pop[:3] in ("LHR", "MAN")]
    path = "/lab?size=10&cache-control=max-age%3D60&etag=same"
    for pop in pair:
        world.get(path, headers={"X-Edgesim-Edge": pop})
    world.ask("clock", {"advance": 61})
    first, second = (world.get(path, headers={"X-Edgesim-Edge": pop}) for pop in pair)
    assert first.outcome == "RefreshHit from cloudfront"
    assert second.outcome == "Hit from cloudfront"


def test_domain_fronting_is_misdirected(world: World) -> None:
    context = ssl.create_default_context(cafile=world.ca)
    with (
        socket.create_connection(("127.0.0.1", world.https), 10) as raw,
        context.wrap_socket(raw, server_hostname="other.test") as tls,
    ):
        tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert tls.recv(4096).startswith(b"HTTP/1.1 421 ")


def test_a_custom_error_page_with_its_own_status(world: World) -> None:
    got = world.get("/no/such/page/")
    assert got.status == 200
    assert got.outcome == "Error from cloudfront"
    assert b"<title>About" in got.body or b"About" in got.body
    told = world.ask(f"explain/{got.id}")
    assert told["answer"]["status"] == 200


def test_an_error_page_that_fails_gives_its_own_status(world: World) -> None:
    got = world.get("/lab?status=503")
    assert got.status == 404
    assert got.outcome == "Error from cloudfront"


def test_a_response_headers_policy_on_miss_and_hit(world: World) -> None:
    path = "/lab/policy?size=10&header=X-Frame-Options:SAMEORIGIN"
    headers = {"Origin": "https://shop.example.test"}
    for outcome in ("Miss", "Hit"):
        got = world.get(path, headers=headers)
        assert got.outcome == f"{outcome} from cloudfront"
        assert got.headers["access-control-allow-origin"] == "https://shop.example.test"
        assert got.headers["access-control-expose-headers"] == "X-One"
        assert got.headers["x-frame-options"] == "DENY"
        assert got.headers["x-made"] == "here"
        assert "x-served-by" not in got.headers
        assert f"cdn-cache-{outcome.lower()}" in got.headers["server-timing"]
    stranger = world.get(path, headers={"Origin": "https://elsewhere.test"})
    assert "access-control-allow-origin" not in stranger.headers
    assert "access-control-allow-origin" not in world.get(path).headers


def test_a_preflight(world: World) -> None:
    headers = {
        "Origin": "https://shop.example.test",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-amz-date, x-secret",
    }
    got = world.get("/lab/policy?preflight", method="OPTIONS", headers=headers)
    assert got.headers["access-control-allow-methods"] == "GET, POST"
    assert got.headers["access-control-allow-headers"] == "x-amz-date"


def test_server_timing_names_the_layers(world: World) -> None:
    got = world.get("/lab/policy?size=10&server-timing", headers={"Pragma": "server-timing"})
    assert 'cdn-upstream-layer;desc="REC"' in got.headers["server-timing"]
    assert f'cdn-rid;desc="{got.id}"' in got.headers["server-timing"]
    again = world.get("/lab/policy?size=10&server-timing")
    assert 'cdn-hit-layer;desc="EDGE"' in again.headers["server-timing"]


def test_a_refresh_behind_a_stale_answer_leaves_a_verdict_of_its_own(world: World) -> None:
    path = "/lab?size=10&cache-control=max-age%3D10,stale-while-revalidate%3D60&etag=swr"
    world.get(path)
    world.ask("clock", {"advance": 20})
    stale = world.get(path)
    assert stale.outcome == "Hit from cloudfront"
    assert int(stale.headers["age"]) >= 20
    for _ in range(50):
        newest = world.ask("verdicts?limit=5")["verdicts"]
        if newest and newest[0]["id"] != stale.id:
            break
    assert newest[0]["id"] != stale.id
    told = world.ask(f"explain/{newest[0]['id']}")
    assert stale.id in told["detail"]
    assert int(world.get(path).headers["age"]) < 20


def test_a_slow_regional_cache_is_slow(world: World) -> None:
    pop = world.get("/lab?size=1&slow").pop
    region = next(edge for edge in world.ask("edges")["edges"] if edge["pop"] == pop)["regional_cache"]
    fault = world.ask("faults", {"target": f"regional:{region}", "kind": "slow", "value": 123})
    try:
        told = world.ask(f"explain/{world.get('/lab?size=1&slow-now').id}")
    finally:
        world.ask(f"faults/{fault['id']}", method="DELETE")
    assert any(leg["ms"] > 123 for leg in told["legs"])
