"""``docker compose up``: built, started, walked through the published ports, hurt, and taken down again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from composed import ROOT, Composed, engine_answers, until

pytestmark = [
    pytest.mark.docker,
    pytest.mark.xdist_group("docker"),
    pytest.mark.timeout(420),
    pytest.mark.skipif(not engine_answers(), reason="no container engine answers"),
]

PICTURE = "/wp-content/uploads/harbour.jpg"
EDGES = {"edge-sydney", "edge-london", "edge-ashburn", "edge-tokyo", "edge-south"}
SERVICES = EDGES | {"control", "front", "lb", "site-a", "site-b"}
SYD, NRT = "SYD62-C1", "NRT12-C1"


@pytest.fixture(scope="module")
def world() -> Iterator[Composed]:
    project = Composed()
    try:
        project.compose("build")
        project.compose("up", "--detach", "--wait", "--wait-timeout", "180")
        yield project
    finally:
        project.close()


@pytest.fixture(scope="module")
def authority(world: Composed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate to trust, taken out as the docs say."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    world.compose("cp", "control:/state/ca.pem", str(path))
    return path


def test_the_file_is_valid_and_publishes_on_loopback_only() -> None:
    said = Composed().compose("config", "--format", "json")
    services = json.loads(said)["services"]
    assert set(services) == SERVICES
    published = [port for one in services.values() for port in one.get("ports", [])]
    assert {port["host_ip"] for port in published} == {"127.0.0.1"}
    assert {port["target"] for port in published} == {8080, 8443, 8081}
    assert "# syntax" not in (ROOT / "Dockerfile").read_text()


def test_everything_is_well_and_nobody_is_root(world: Composed) -> None:
    assert world.states() == dict.fromkeys(SERVICES, ("running", "healthy"))
    ids = world.compose("ps", "--quiet").split()
    inspect = subprocess.run(["docker", "inspect", *ids], capture_output=True, check=True, timeout=60)
    for one in json.loads(inspect.stdout):
        assert one["Config"]["User"] == "edgesim"
        assert one["HostConfig"]["ReadonlyRootfs"]
        assert one["HostConfig"]["Memory"] > 0
    assert world.compose("exec", "-T", "front", "id", "-u").strip() == "10001"


def test_the_walk(world: Composed, authority: Path) -> None:
    assert [world.served(PICTURE, "Sydney") for _ in range(2)] == [("Miss", SYD), ("Hit", SYD)]
    assert world.served(PICTURE, "London", authority) == ("Miss", "LHR61-C2")
    assert world.served(PICTURE, "Cape Town") == ("Miss", "CPT50-P1")
    assert world.served(PICTURE, "Mumbai")[1] not in ("BOM50-C1", ""), "nobody runs Mumbai's edge: the next answers"
    id = world.get(PICTURE, "Sydney")[1]["x-amz-cf-id"]
    told = until(lambda: world.api(f"/explain/{id}"))
    assert told["edge"]["pop"] == SYD
    assert told["outcome"] == "Hit"
    world.api("/invalidations", {"paths": ["/*"]})
    assert until(lambda: world.served(PICTURE, "Sydney") == ("Miss", SYD))
    assert SYD in world.compose("exec", "-T", "control", "edgesim", "explain", "--last", "--state", "/state")


def test_the_control_plane_restarts(world: Composed) -> None:
    """Edges go on serving, and follow what is ordered afterwards."""
    world.served(PICTURE, "Sydney")
    before = world.api("/commands?since=0")["sequence"]
    world.compose("kill", "control")
    assert world.served(PICTURE, "Sydney") == ("Hit", SYD)
    world.compose("up", "--detach", "--wait", "--no-build", "control")
    assert until(lambda: world.api("/commands?since=0"))["sequence"] == before
    assert world.served(PICTURE, "Sydney") == ("Hit", SYD)
    assert until(lambda: world.api("/invalidations", {"paths": [PICTURE]}))
    assert until(lambda: world.served(PICTURE, "Sydney") == ("Miss", SYD))


def test_an_edge_stops_and_comes_back(world: Composed) -> None:
    world.compose("stop", "edge-sydney")
    assert world.served(PICTURE, "Sydney")[1] != SYD
    world.compose("start", "edge-sydney")
    assert until(lambda: world.served(PICTURE, "Sydney")[1] == SYD)
    assert until(lambda: world.served(PICTURE, "Sydney") == ("Hit", SYD))


def test_an_edge_is_killed_and_a_node_stops(world: Composed) -> None:
    world.compose("kill", "edge-tokyo", "site-a")
    assert world.served("/lab?size=10&cache-control=no-store", "Tokyo")[1] != NRT
    world.compose("up", "--detach", "--wait", "--no-build")
    assert until(lambda: world.served(PICTURE, "Tokyo")[1] == NRT)


SHOWN = "import ssl; print(ssl.get_server_certificate(('127.0.0.1', 9443)))"


def test_a_year_passes(world: Composed) -> None:
    """The origin's certificate is renewed by the simulated clock, and the balancer shows the new one."""
    before = world.compose("exec", "-T", "lb", "python", "-c", SHOWN)
    assert world.api("/clock", {"advance": 390 * 86400})
    assert until(lambda: world.compose("exec", "-T", "lb", "python", "-c", SHOWN) != before)
    assert until(lambda: world.get("/lab?size=12&cache-control=no-store", "Sydney")[0] == 200)
