"""``edgesim up --workers 2``: the edges are spread over two processes, and a viewer cannot tell."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from several import WORLD, Answer, Process, ask, until

from edgesim.assembly.shards import shards
from edgesim.core.places import Place, PlaceKind
from edgesim.core.routing import EdgeSite

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

PICTURE = "/wp-content/uploads/harbour.jpg"
STYLE = "/wp-content/themes/harbour/style.css"
SYD, LHR = "SYD62-C1", "LHR61-C2"


@dataclass
class Spread:
    """A world of two workers."""

    directory: Path
    process: Process
    said: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        return self.directory / "access.log"

    def get(self, path: str, place: str = "Sydney", method: str = "GET") -> Answer:
        return ask(self.said["http"] + path, method, X_Edgesim_Location=place)

    def api(self, path: str, body: Any = None) -> Answer:
        url = f"{self.said['control']}/_edgesim{path}"
        if body is None:
            return ask(url)
        return ask(url, "POST", json.dumps(body).encode(), Content_Type="application/json")

    @property
    def requests(self) -> int:
        return int(self.api("/stats").json["total"]["requests"])

    def connect(self) -> http.client.HTTPConnection:
        host, _, port = self.said["http"].removeprefix("http://").rpartition(":")
        return http.client.HTTPConnection(host, int(port), timeout=20)

    def workers(self) -> list[int]:
        listed = subprocess.run(
            ["ps", "--ppid", str(self.process.pid), "-o", "pid=,args="], capture_output=True, text=True, check=True
        )
        return [int(line.split()[0]) for line in listed.stdout.splitlines() if "edgesim.assembly.worker" in line]


def spread() -> Iterator[Spread]:
    with tempfile.TemporaryDirectory(prefix="edgesim-spread-") as name:
        directory = Path(name)
        (directory / "world.yaml").write_text(WORLD % {"mode": "proxy"} + "logs: { access: access.log }\n")
        ports = ["--http", "0", "--https", "0", "--control", "0"]
        process = Process("-m", "edgesim", "up", str(directory / "world.yaml"), "--ephemeral", "--workers", "2", *ports)
        world = Spread(directory, process)
        try:
            world.said = process.ready()
            yield world
        finally:
            process.end()


@pytest.fixture(scope="module")
def calm() -> Iterator[Spread]:
    """Nobody dies in this one."""
    yield from spread()


@pytest.fixture
def world() -> Iterator[Spread]:
    yield from spread()


def asked(connection: http.client.HTTPConnection, path: str, place: str) -> Answer:
    connection.request("GET", path, headers={"X-Edgesim-Location": place})
    response = connection.getresponse()
    return Answer(response.status, response.getheaders(), response.read())


def site(pop: str, regional: str) -> EdgeSite:
    return EdgeSite(pop, Place(pop, "AU", 0, 0, PlaceKind.CITY), frozenset(), "", regional)


def test_edges_behind_one_regional_cache_stay_together() -> None:
    sites = [site("A1", "a"), site("B1", "b"), site("A2", "a"), site("C1", "c"), site("D1", "d")]
    assert shards(sites, 2) == [("A1", "A2", "D1"), ("B1", "C1")]
    assert shards(sites, 9) == [("A1", "A2"), ("B1",), ("C1",), ("D1",)]
    assert shards(sites, 1) == [("A1", "A2", "B1", "C1", "D1")]


def test_the_walk(calm: Spread) -> None:
    """Two places on two workers, each with a cache of its own; explain knows of each request at once."""
    assert len(calm.workers()) == 2
    for place, pop in (("Sydney", SYD), ("London", LHR)):
        first = calm.get(PICTURE, place)
        assert (first.cache, first.pop) == ("Miss", pop)
        assert calm.api(f"/explain/{first['X-Amz-Cf-Id']}").json["outcome"] == "Miss"
        for _ in range(5):
            hit = calm.get(PICTURE, place)
            assert (hit.cache, hit.pop, hit.body == first.body) == ("Hit", pop, True)
            told = calm.api(f"/explain/{hit['X-Amz-Cf-Id']}").json
            assert (told["outcome"], told["viewer"]["place"]) == ("Hit", place)
            assert calm.api("/explain/last").json["id"] == hit["X-Amz-Cf-Id"]
            assert calm.api("/verdicts?limit=1").json["verdicts"][0]["id"] == hit["X-Amz-Cf-Id"]
    edges = {one["pop"]: one for one in calm.api("/edges").json["edges"]}
    assert {pop: (edges[pop]["state"], edges[pop]["entries"]) for pop in (SYD, LHR)} == {
        SYD: ("up", 1),
        LHR: ("up", 1),
    }
    assert [one["uri"] for one in calm.api(f"/edges/{SYD}/entries").json["entries"]] == [PICTURE]
    assert {one["entries"] for one in calm.api("/regional").json["regional"]} == {1}
    assert 'edgesim_cache_entries{cache="SYD62-C1",tier="edge"} 1.0' in calm.api("/metrics").body.decode()


def test_a_connection_switches_places(calm: Spread) -> None:
    """Header for header, what comes by another worker is what its own gives."""
    connection = calm.connect()
    for _ in range(4):
        for place, pop in (("London", LHR), ("Sydney", SYD)):
            answer = asked(connection, STYLE, place)
            assert (answer.status, answer.pop) == (200, pop)
            assert answer["X-Cache"].startswith(("Hit", "Miss"))
            assert answer.body == calm.get(STYLE, place).body
    local, other = (asked(connection, STYLE, "Sydney"), asked(connection, STYLE, "London"))
    assert [name for name, _ in local.headers] == [name for name, _ in other.headers]
    connection.close()


def test_every_method_and_a_body(calm: Spread) -> None:
    connection = calm.connect()
    for place in ("Sydney", "London", "Sydney"):
        connection.request("POST", "/lab/echo", body=b"x" * 100_000, headers={"X-Edgesim-Location": place})
        response = connection.getresponse()
        assert (response.status < 500, len(response.read()) > 0) == (True, True)
    connection.close()


def test_tls(calm: Spread) -> None:
    context = ssl.create_default_context(cafile=calm.said["ca"])
    port = int(calm.said["https"].rpartition(":")[2])
    for _ in range(4):
        connection = http.client.HTTPSConnection("localhost", port, timeout=20, context=context)
        for place, pop in (("Sydney", SYD), ("London", LHR), ("Sydney", SYD)):
            answer = asked(connection, STYLE, place)
            assert (answer.status, answer.pop) == (200, pop)
            told = calm.api(f"/explain/{answer['X-Amz-Cf-Id']}").json
            assert told["request"]["scheme"] == "https"
        connection.close()


def test_a_head_in_pieces_and_no_head_at_all(calm: Spread) -> None:
    host, _, port = calm.said["http"].removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), 20) as slow:
        for piece in (b"GET / HTTP/1.1\r\nHost: loc", b"alhost\r\nX-Edgesim-Loca", b"tion: London\r\n\r\n"):
            slow.sendall(piece)
            threading.Event().wait(0.03)
        assert b"X-Amz-Cf-Pop: LHR61-C2" in slow.recv(65_536)
    with socket.create_connection((host, int(port)), 20) as bad:
        bad.sendall(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n")
        assert bad.recv(65_536).startswith(b"HTTP/1.1 400 ")


def test_invalidations_are_immediate(calm: Spread) -> None:
    """Fifty times: what the API has acknowledged is in force at both workers."""
    for _ in range(50):
        for place in ("Sydney", "London"):
            calm.get(STYLE, place)
            assert calm.get(STYLE, place).cache == "Hit"
        assert calm.api("/invalidations", {"paths": ["/wp-content/*"]}).status < 300
        assert [calm.get(STYLE, place).cache for place in ("Sydney", "London")] == ["Miss", "Miss"]


def test_an_edge_stops_and_the_clock_moves(calm: Spread) -> None:
    calm.get(PICTURE)
    assert calm.api(f"/edges/{SYD}", {"state": "stopped"}).status == 200
    assert calm.get(PICTURE).pop != SYD
    assert calm.api(f"/edges/{SYD}", {"state": "up"}).status == 200
    assert calm.get(PICTURE).pop == SYD
    assert calm.api("/clock", {"advance": "25h"}).status == 200
    assert calm.get(PICTURE).cache in ("RefreshHit", "Miss")


def test_every_request_is_counted_and_logged(calm: Spread) -> None:
    """2,000 requests on kept connections, hits and misses, plain and relayed: none missing, none twice."""
    before = calm.requests

    def viewer(number: int) -> list[str]:
        connection, ids = calm.connect(), []
        for turn in range(250):
            path = f"/lab/cc?n={number}-{turn}" if turn % 10 == 0 else PICTURE
            answer = asked(connection, path, "London" if (turn // 25 + number) % 2 else "Sydney")
            ids.append(answer["X-Amz-Cf-Id"])
        connection.close()
        return ids

    with ThreadPoolExecutor(8) as pool:
        ids = [id for found in pool.map(viewer, range(8)) for id in found]
    assert len(set(ids)) == 2_000
    assert calm.requests == before + 2_000
    by_edge = calm.api("/stats").json["edges"]
    assert sum(one["requests"] for one in by_edge.values()) == before + 2_000
    until(lambda: len(rows(calm.log)) == logged(calm) >= before + 2_000)
    written = [line.split("\t")[14] for line in rows(calm.log)]
    assert len(written) == before + 2_000
    assert set(ids) <= set(written)
    assert calm.log.read_text().count("#Version") == 1
    assert all(calm.api(f"/explain/{id}").status == 200 for id in ids[::97])


def rows(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if not line.startswith("#")] if log.exists() else []


def logged(world: Spread) -> int:
    return int(world.api("/health").json["access_log"]["rows"])


def test_a_worker_is_killed(world: Spread) -> None:
    """The other goes on; the one comes back with empty caches, and in the end SIGTERM gives 0."""
    for place in ("Sydney", "London"):
        assert [world.get(STYLE, place).cache for _ in range(2)] == ["Miss", "Hit"]
    before = world.workers()
    os.kill(before[0], signal.SIGKILL)
    for _ in range(20):
        assert {world.get(PICTURE, place).status for place in ("Sydney", "London")} == {200}
    until(lambda: len(world.workers()) == 2 and set(world.workers()) != set(before))
    until(lambda: (world.get("/about/").pop, world.get("/about/", "London").pop) == (SYD, LHR))
    caches = sorted(world.get(STYLE, place).cache for place in ("Sydney", "London"))
    assert caches == ["Hit", "Miss"]
    assert world.api("/invalidations", {"paths": ["/*"]}).status < 300
    assert [world.get(PICTURE, place).cache for place in ("Sydney", "London")] == ["Miss", "Miss"]
    assert world.process.end() == 0


def test_sigterm_finishes_what_is_in_flight(world: Spread) -> None:
    """An answer that trickles is read to its end by a viewer of either worker."""
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(world.get, "/lab/slow?ms=1500", place) for place in ("Sydney", "London")]
        threading.Event().wait(0.7)
        pids = world.workers()
        assert world.process.end() == 0
        assert [one.result().status for one in slow] == [200, 200]
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_workers_end_with_their_parent(world: Spread) -> None:
    pids = world.workers()
    world.process.end(signal.SIGKILL)
    until(lambda: not [pid for pid in pids if Path(f"/proc/{pid}").exists()])
