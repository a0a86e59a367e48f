"""A world in several processes: what a viewer sees, and what happens when parts of it die."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from several import TOKEN, Process, Several, ask, several, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

PICTURE = "/wp-content/uploads/harbour.jpg"
WALKED = "/wp-content/themes/harbour/style.css"
SYD, LHR, NRT = "SYD62-C1", "LHR61-C2", "NRT12-C1"


@pytest.fixture(scope="module")
def calm() -> Iterator[Several]:
    """A world in which nobody dies, for tests that share it."""
    with several(SYD, LHR) as running:
        yield running


@pytest.fixture
def world() -> Iterator[Several]:
    with several(SYD, LHR) as running:
        yield running


def test_the_walk(calm: Several) -> None:
    """Miss, Hit, another city's Miss; the reason at the control plane; invalidations reach every edge."""
    first, second = calm.get(WALKED), calm.get(WALKED)
    assert [(one.cache, one.pop) for one in (first, second)] == [("Miss", SYD), ("Hit", SYD)]
    assert first.body == second.body
    assert calm.get(WALKED, "London").cache == "Miss"
    verdict = calm.verdict(second["X-Amz-Cf-Id"])
    assert verdict["outcome"] == "Hit"
    assert verdict["viewer"]["place"] == "Sydney"
    assert verdict["request"]["target"] == WALKED
    made = calm.api("/invalidations", {"paths": ["/wp-content/*"]})
    assert made.status < 300
    sequence = calm.api("/commands?since=0").json["sequence"]
    until(lambda: {calm.health(name)["sequence"] for name in (SYD, LHR, "front")} == {sequence})
    assert calm.get(WALKED).cache == "Miss"
    assert calm.get(WALKED, "London").cache == "Miss"


def test_an_edge_nobody_runs_is_not_chosen(calm: Several) -> None:
    """Tokyo is of this world and has no process: Tokyo's viewers go elsewhere, and explain says why."""
    answer = calm.get("/", "Tokyo")
    assert answer.pop == SYD
    candidates = calm.verdict(answer["X-Amz-Cf-Id"])["edge"]["candidates"]
    tokyo = next(one for one in candidates if one["pop"] == NRT)
    assert tokyo["rtt_ms"] < next(one for one in candidates if one["pop"] == SYD)["rtt_ms"]
    assert tokyo["excluded"] == "no process runs the edge"
    shown = {one["pop"]: one for one in calm.api("/edges").json["edges"]}
    assert {pop: shown[pop]["state"] for pop in (SYD, NRT)} == {SYD: "up", NRT: "not running"}
    assert calm.api("/health").json["edges_up"] == 2
    until(lambda: {one["pop"]: one for one in calm.api("/edges").json["edges"]}[SYD]["entries"] > 0)
    pinned = calm.get("/", X_Edgesim_Edge=NRT)
    assert pinned.status == 503
    assert b"no process runs the edge" in pinned.body
    assert calm.verdict(pinned["X-Amz-Cf-Id"])["outcome"] == "CapacityExceeded"


def test_the_control_plane_is_killed(world: Several) -> None:
    """Viewers notice nothing, verdicts wait, and what is ordered after its restart arrives."""
    assert world.get(PICTURE).cache == "Miss"
    before = world.api("/commands?since=0").json["sequence"]
    world.kill("control")
    hit, miss = world.get(PICTURE), world.get("/about/")
    assert (hit.cache, miss.cache, miss.status) == ("Hit", "Miss", 200)
    until(lambda: not world.health(SYD)["connected"])
    assert world.health(SYD)["verdicts_waiting"] >= 2
    world.start_control()
    assert world.verdict(hit["X-Amz-Cf-Id"])["outcome"] == "Hit"
    assert world.verdict(miss["X-Amz-Cf-Id"])["outcome"] == "Miss"
    assert world.api("/commands?since=0").json["sequence"] == before
    assert world.get(PICTURE).cache == "Hit", "a restart of the control plane empties no cache"
    world.api("/invalidations", {"paths": [PICTURE]})
    until(lambda: world.health(SYD)["sequence"] == before + 1)
    assert world.get(PICTURE).cache == "Miss"
    until(lambda: world.health(SYD)["verdicts_waiting"] == 0)
    assert world.health(SYD)["lost"] == 0


def test_an_edge_is_killed(world: Several) -> None:
    """The next nearest answers at once; when it is back it has the World, and its viewers."""
    world.get(PICTURE)
    world.kill(SYD)
    answer = world.get(PICTURE)
    assert (answer.status, answer.pop) == (200, LHR)
    assert world.api("/clock", {"advance": 3600}).status == 200
    world.start_edge(SYD)
    world.reach(SYD, LHR)
    assert world.health(SYD)["sequence"] == world.api("/commands?since=0").json["sequence"]
    assert world.health(SYD)["generation"] == world.health(LHR)["generation"]
    back = world.get(PICTURE)
    assert (back.pop, back.cache) == (SYD, "Miss"), "a new process begins with an empty cache"
    assert world.health("front")["failed_over"] == 1


def test_an_edge_hangs(world: Several) -> None:
    """A stopped process takes connections and never answers: those who wait go on to the next edge."""
    world.get(PICTURE)
    world.running[SYD].tell(signal.SIGSTOP)
    answer = world.get(PICTURE)
    assert (answer.status, answer.pop) == (200, LHR)
    world.running[SYD].tell(signal.SIGCONT)
    world.reach(SYD, LHR)
    assert world.get(PICTURE).cache == "Hit", "it was away, not ended, and has kept its cache"


def test_what_cannot_be_sent_again_is_not(world: Several) -> None:
    """A POST whose edge dies while it waits may have been carried out, so nobody repeats it."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(world.get, "/lab?delay=20&cache-control=no-store", method="POST", body=b"once")
        until(lambda: any(one["in_flight"] for one in _nodes(world)))
        world.kill(SYD)
        answer = waiting.result()
    assert answer.status == 503
    assert world.get("/", method="POST", body=b"once").pop == LHR, "but one that was never sent goes elsewhere"


def _nodes(world: Several) -> list[dict[str, int]]:
    return list(ask(world.said["site"]["http"] + "/_origin/nodes").json["nodes"])


def test_strangers(calm: Several) -> None:
    """Without the token nobody joins, asks, reports, or passes for the front door."""
    process = Process(*calm.joining("edge", "--internal", "0", "--edges", NRT), token="the-token-of-another-world")
    assert process.wait() == 1
    assert "its token is another one" in "".join(process.lines)
    for path in ("/stream", "/members"):
        assert calm.internal(path, "the-token-of-another-world").status == 403
        assert calm.internal(path).status == 200
    internal = calm.said[SYD]["internal"]
    assert ask(internal + PICTURE, Host="localhost").status == 403
    assert ask(internal + PICTURE, Host="localhost", X_Edgesim_Relay="0000 {}").status == 403
    assert calm.health(SYD)["refused"] == 2
    spoofed = calm.get(PICTURE, X_Edgesim_Relay="0000 {}", X_Edgesim_Relay_Choice="[]")
    assert (spoofed.status, spoofed.pop) == (200, SYD)
    seen = ask(calm.said["site"]["http"] + "/_origin/requests").json["requests"][-1]
    assert "relay" not in str(seen).lower()


def test_large_bodies_pass_in_bounded_memory(calm: Several) -> None:
    """Both processes relay 96 MB in less memory than that, down and up."""
    size = 96 * 1024 * 1024
    before = _resident(calm)
    answer = calm.get(f"/lab?size={size}&cache-control=no-store", seconds=60)
    assert (answer.status, len(answer.body)) == (200, size)
    up = calm.get("/lab?cache-control=no-store", method="POST", body=b"u" * (16 * 1024 * 1024), seconds=60)
    assert up.status == 200
    after = _resident(calm)
    assert all(after[name] - before[name] < 48 * 1024 for name in before), (before, after)


def _resident(world: Several) -> dict[str, int]:
    """kB of memory of the front door and the edge."""
    pids = {name: str(world.running[name].pid) for name in ("front", SYD)}
    return {
        name: int(subprocess.run(["ps", "-o", "rss=", "-p", pid], capture_output=True, check=True).stdout)
        for name, pid in pids.items()
    }


def test_an_answer_that_breaks_off(calm: Several) -> None:
    """A body cut short by the origin is cut short for the viewer too, and not passed off as whole."""
    import http.client

    with pytest.raises(http.client.IncompleteRead):
        calm.get("/lab?size=500000&break=100000&cache-control=no-store")
    assert calm.get(PICTURE).status == 200


def test_redirect_mode() -> None:
    """The front door sends viewers to the edge's own port, where it serves them itself."""
    with several(f"{SYD},{NRT}", LHR, mode="redirect", more=("--http", "0")) as world:
        sent = world.get(PICTURE)
        assert sent.status == 307
        own = world.said[f"{SYD},{NRT}"]["http"]
        assert sent["Location"] == own + PICTURE
        served = ask(sent["Location"], X_Edgesim_Location="Tokyo")
        assert (served.status, served.pop) == (200, NRT)
        assert ask(world.said[LHR]["http"] + PICTURE, X_Edgesim_Location="Tokyo").pop == LHR
        assert world.verdict(served["X-Amz-Cf-Id"])["viewer"]["place"] == "Tokyo"
        forged = ask(own + PICTURE, X_Edgesim_Location="Sydney", X_Edgesim_Relay="0 {}")
        assert (forged.status, forged.pop) == (200, SYD)


def test_a_front_door_waits_for_its_control_plane() -> None:
    """It starts before the control plane does, and ends when told to while it waits."""
    process = Process("-m", "edgesim", "up", "--role", "front", "--join", "http://127.0.0.1:9", "--control", "0")
    until(lambda: any("does not answer" in line for line in process.lines))
    assert process.end() == 0


def test_a_short_token_is_refused() -> None:
    """Before anything listens."""
    process = Process("-m", "edgesim", "up", "--role", "control", "--ephemeral", token="short")
    assert process.wait() == 1
    assert "at least 16" in "".join(process.lines)
    assert len(TOKEN) >= 16
