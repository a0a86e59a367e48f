"""Every scenario against a live edge: real sockets, the simulated clock moved by hand."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.live_edge import LiveStage
from support.scenarios import Case, load_cases, verify

CASES = load_cases()


class Stages:
    """One running world per kind of world, started when the first case needs it."""

    def __init__(self, stack: contextlib.AsyncExitStack) -> None:
        self._stack = stack
        self._open: dict[str, LiveStage] = {}

    async def stage_for(self, case: Case) -> LiveStage:
        kind = json.dumps(case.world, sort_keys=True)
        if kind not in self._open:
            alike = [one for one in CASES if json.dumps(one.world, sort_keys=True) == kind]
            self._open[kind] = await self._stack.enter_async_context(LiveStage.open(alike))
        return self._open[kind]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stages() -> AsyncIterator[Stages]:
    async with contextlib.AsyncExitStack() as stack:
        yield Stages(stack)


@pytest.mark.live
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_scenario(case: Case, stages: Stages) -> None:
    stage = await stages.stage_for(case)
    try:
        for number, step in enumerate(case.steps, 1):
            seen = await stage.perform(case, step)
            if seen is not None:
                try:
                    verify(step, seen)
                except AssertionError as error:
                    raise AssertionError(f"step {number}: {error}\n{step}\n{seen}") from error
    finally:
        stage.end(case)
