"""Every scenario on the core, in virtual time."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from multidict import CIMultiDict

from edgesim.core.cache import Switches
from edgesim.core.messages import Request
from edgesim.sim.driver import Seen, Simulation
from support.playbook import NOON, ScriptedOrigin, world_of
from support.scenarios import Answered, Case, Observed, document, load_cases, request_of, verify
from support.script import Arrived, Reply

PORTS = {"main": 8081, "other": 8082}
ANSWER_TIME = 0.5  # of the origin, seconds, where many ask at once


class Stage:
    """A world with one distribution, and the origins of one case."""

    def __init__(self, case: Case) -> None:
        self.case = case
        world = world_of(yaml.safe_dump(document([case], PORTS)))
        self.distribution = next(iter(world.distributions.values()))
        self.origin = ScriptedOrigin()
        switches = Switches(world.switches.hit_for_miss, world.switches.must_revalidate_allows_stale)
        edge = next(iter(world.edges.values()))
        self.sim = Simulation(
            self.origin,
            pops={site.pop: site.regional for site in world.sites},
            capacity=edge.cache,
            largest=edge.max_object,
            switches=switches,
            start=NOON,
        )

    def perform(self, step: dict[str, Any]) -> Observed | None:
        timeline, script = self.sim.timeline, self.origin.script
        timeline.run(until=timeline.now + step.get("after", 0))
        for name, orders in _orders(step).items():
            script.order(f"{self.case.id}.{name}", orders)
        if "invalidate" in step:
            self.sim.invalidate(self.distribution, tuple(step["invalidate"]))
        if "get" not in step and "ask" not in step:
            return None
        before, now = len(script.arrived), timeline.now
        seen = self._ask(step)
        return Observed([_answered(one) for one in seen], script.arrived[before:], now)

    def _ask(self, step: dict[str, Any]) -> list[Seen]:
        method, target, headers = request_of(self.case, step, self.sim.timeline.now)
        major, _, minor = str(step.get("version", "1.1")).partition(".")
        request = Request(
            method, target, CIMultiDict(headers), (int(major), int(minor)), client="127.0.0.1", has_body="body" in step
        )
        if "together" not in step:
            return [self.sim.get(self.distribution, request, pop=step.get("from", ""))]
        self.origin.delay = ANSWER_TIME
        seen = [self.sim.send(self.distribution, request) for _ in range(step["together"])]
        self.sim.timeline.run(until=self.sim.timeline.now + 10 * ANSWER_TIME)
        self.origin.delay = 0.0
        return seen


def _orders(step: dict[str, Any]) -> dict[str, dict[str, Any]]:
    orders = dict(step.get("origin") or {})
    other = orders.pop("other", None)
    found = {"main": orders} if orders or ("origin" in step and other is None) else {}
    return found | ({"other": other} if other is not None else {})


def _answered(seen: Seen) -> Answered:
    assert seen.done, "it never ended"
    assert seen.headers is not None
    assert seen.verdict is not None
    return Answered(seen.status, seen.headers, seen.body, seen.verdict, seen.complete)


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.id)
def test_scenario(case: Case) -> None:
    stage = Stage(case)
    for number, step in enumerate(case.steps, 1):
        seen = stage.perform(step)
        if seen is not None:
            try:
                verify(step, seen)
            except AssertionError as error:
                raise AssertionError(f"step {number}: {error}\n{step}\n{seen}") from error


def test_an_origin_without_orders_still_answers() -> None:
    assert ScriptedOrigin().script.answer(Arrived("x", "GET", "/", CIMultiDict()), 0.0) == Reply(
        200, [("Date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("Content-Length", "3")], b"xxx"
    )
