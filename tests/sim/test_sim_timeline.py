"""Virtual time."""

from __future__ import annotations

from edgesim.sim.timeline import Process, Timeline
from support.playbook import VirtualEdge, age, outcome


def test_moments_come_in_order_and_ties_as_planned() -> None:
    timeline, seen = Timeline(10.0), []
    timeline.at(12.0, lambda: seen.append("later"))
    timeline.at(11.0, lambda: seen.append("first"))
    timeline.at(11.0, lambda: seen.append("second"))
    timeline.at(0.0, lambda: seen.append("at once"))
    timeline.run(until=11.5)
    assert (seen, timeline.now) == (["at once", "first", "second"], 11.5)
    timeline.run()
    assert (seen[-1], timeline.now) == ("later", 12.0)
    assert not timeline.step()


def test_processes_wait() -> None:
    timeline, seen = Timeline(), []

    def process() -> Process[None]:
        seen.append(timeline.now)
        yield timeline.sleep(3)
        seen.append(timeline.now)

    timeline.start(process())
    timeline.run()
    assert seen == [0.0, 3.0]


def test_a_closed_process_is_not_woken() -> None:
    timeline, seen = Timeline(), []

    def process() -> Process[None]:
        yield timeline.sleep(3)
        seen.append("woken")

    sleeping = process()
    timeline.start(sleeping)
    sleeping.close()
    timeline.run()
    assert seen == []


def test_a_world_file_in_virtual_time() -> None:
    edge = VirtualEdge.from_yaml(
        """
        edges: [London, Frankfurt]
        origins: { main: { url: "http://127.0.0.1:3000", clock: simulated } }
        distributions:
          - name: site
            default_behavior: { origin: main, cache_policy: CachingOptimized }
        """
    )
    london, frankfurt = edge.sim.pops
    edge.says("hello", headers={"Cache-Control": "max-age=3600"})
    assert outcome(edge.get("/", pop=london)) == "Miss"
    assert outcome(edge.get("/", at=1800, pop=london)) == "Hit"
    far = edge.get("/", at=3000, pop=frankfurt)
    assert far.body == b"hello"
    assert age(edge.get("/", at=3599, pop=london)) == 3599
    assert outcome(edge.get("/", at=3600, pop=london)) == "Miss"


def test_latency_of_the_origin_is_seen() -> None:
    edge = VirtualEdge()
    edge.origin.delay = 0.25
    seen = edge.get("/a")
    assert (seen.first_byte_at - seen.asked_at, seen.verdict is not None) == (0.25, True)
