"""The event hub: bounded queues, and slow listeners who are told what they missed."""

from __future__ import annotations

import pytest
from observed_verdicts import NOON, verdict

from edgesim.observe.events import MOST, QUEUE, Hub
from edgesim.observe.iso import LATEST, from_iso, iso, month
from edgesim.world.commands import Configure, SetLatency
from edgesim.world.state import World


async def test_a_slow_listener_loses_the_oldest_and_is_told() -> None:
    hub = Hub()
    slow = hub.subscribe()
    for number in range(QUEUE + 5):
        hub.verdict(verdict(id=str(number)))
    first, *rest = slow.take()
    assert (first.name, first.data) == ("lost", {"events": 5, "in_all": 5})
    assert [event.data["id"] for event in rest] == [str(number) for number in range(5, QUEUE + 5)]
    assert slow.take() == []
    hub.leave(slow)
    assert hub.lost == 5


async def test_a_listener_hears_what_it_asked_for() -> None:
    hub = Hub()
    changes = hub.subscribe(frozenset({"world"}))
    hub.verdict(verdict())
    hub.changed(World(generation=7), SetLatency(mode="real"))
    hub.changed(World(), Configure(source="w.yaml", document={"name": "large"}, real=NOON))
    first, second = changes.take()
    assert first.data == {"generation": 7, "command": "set_latency", "mode": "real", "scale": None}
    assert "document" not in second.data


async def test_waiting_ends_with_an_event_or_with_time() -> None:
    hub = Hub()
    one = hub.subscribe()
    await one.wait(0.001)
    assert one.take() == []
    hub.verdict(verdict())
    await one.wait(60)
    assert len(one.take()) == 1
    hub.close()
    await one.wait(60)
    assert one.closed


async def test_there_is_a_limit_to_listeners() -> None:
    hub = Hub()
    for _ in range(MOST):
        hub.subscribe()
    with pytest.raises(OverflowError):
        hub.subscribe()


def test_times_in_words() -> None:
    assert iso(NOON) == "2026-03-01T12:00:00Z"
    assert iso(NOON + 0.25) == "2026-03-01T12:00:00.250Z"
    assert month(NOON) == "2026-03"
    assert from_iso("2026-03-01T13:00:00+01:00") == NOON
    assert iso(1e300) == iso(LATEST) == "9000-01-01T00:00:00Z"
    with pytest.raises(ValueError, match="zone"):
        from_iso("2026-03-01T12:00:00")
