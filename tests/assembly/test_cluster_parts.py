"""The parts of a world in several processes, one by one: the token, the registry, the reporter's queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgesim.assembly.following import Away, ControlPlane, NotTaken, Reporter
from edgesim.assembly.registry import ABSENT_SECONDS, Beat, Registry
from edgesim.assembly.secret import NoToken, shared_token
from edgesim.core.cache import Tier
from edgesim.core.messages import Request
from edgesim.core.reasons import Outcome
from edgesim.core.verdict import Verdict

LONG = "long-enough-for-a-token"


def test_the_token_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    assert shared_token({"EDGESIM_TOKEN": LONG, "EDGESIM_TOKEN_FILE": str(file)}) == LONG
    with pytest.raises(NoToken, match="cannot read"):
        shared_token({"EDGESIM_TOKEN_FILE": str(file)})
    made = shared_token({"EDGESIM_TOKEN_FILE": str(file)}, make=True)
    assert file.stat().st_mode & 0o777 == 0o640
    assert shared_token({"EDGESIM_TOKEN_FILE": str(file)}, make=True) == made
    assert shared_token({"EDGESIM_TOKEN_FILE": str(file)}) == made
    with pytest.raises(NoToken, match="set EDGESIM_TOKEN"):
        shared_token({})
    with pytest.raises(NoToken, match="at least 16"):
        shared_token({"EDGESIM_TOKEN": "admin"})


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _beat(name: str = "a", boot: str = "boot-0001", **more: Any) -> Beat:
    return Beat(name=name, boot=boot, role="edge", edges=("SYD62-C1",), port=8082, **more)


def test_who_beats_is_there_and_who_does_not_is_gone() -> None:
    time = Time()
    registry = Registry(time)
    assert registry.beat(_beat(), "10.0.0.7")
    before = registry.revision
    assert not registry.beat(_beat(sequence=9), "10.0.0.7"), "the same once more is no news"
    assert registry.revision == before
    assert [(one.host, one.port) for one in registry.edges()] == [("10.0.0.7", 8082)]
    time.now += ABSENT_SECONDS - 0.1
    assert not registry.expire()
    time.now += 0.2
    assert registry.expire()
    assert registry.edges() == []
    assert registry.revision != before


def test_a_restarted_process_replaces_itself() -> None:
    registry = Registry(Time())
    registry.beat(_beat(boot="boot-0001"), "10.0.0.7")
    assert registry.beat(_beat(boot="boot-0002", host="edge-sydney"), "10.0.0.8")
    assert [(one.boot, one.host) for one in registry.edges()] == [("boot-0002", "edge-sydney")]
    assert registry.leave("boot-0002")
    assert not registry.leave("boot-0002")


def test_a_new_control_plane_says_that_it_has_not_heard_everybody_yet() -> None:
    time = Time()
    registry = Registry(time)
    early = registry.revision
    assert registry.settling
    time.now += ABSENT_SECONDS
    assert not registry.settling
    assert registry.revision != early
    assert Registry(time).revision.split("-")[0] != early.split("-")[0]


class Scripted(ControlPlane):
    """A control plane that answers as told."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.got: list[dict[str, Any]] = []

    async def ask(self, method: str, path: str, seconds: float, **more: Any) -> Any:
        self.got.append(more["json"])
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        return {}


def _verdict(number: int) -> Verdict:
    return Verdict(str(number), 0.0, Tier.EDGE, "SYD62-C1", Request("GET", "/"), 200, Outcome.HIT)


async def test_a_full_queue_loses_the_oldest_and_counts_them() -> None:
    control = Scripted()
    reporter = Reporter(control, "boot-0001", kept=3)
    for number in range(5):
        reporter(_verdict(number))
    assert (reporter.waiting, reporter.lost) == (3, 2)
    await reporter.flush(1)
    assert [one["id"] for one in control.got[0]["batch"]["verdicts"]] == ["2", "3", "4"]
    assert control.got[0]["lost"] == 2


async def test_a_batch_that_was_not_answered_comes_again_under_its_number() -> None:
    control = Scripted(Away("restarting"))
    reporter = Reporter(control, "boot-0001")
    reporter(_verdict(1))
    await reporter.flush(1)
    assert reporter.waiting == 1
    reporter(_verdict(2))
    await reporter.flush(1)
    assert [one["number"] for one in control.got] == [0, 0, 1]
    assert control.got[0]["batch"] == control.got[1]["batch"]
    assert (reporter.waiting, reporter.reported, reporter.lost) == (0, 2, 0)


async def test_a_batch_that_cannot_be_used_does_not_hold_up_the_others() -> None:
    control = Scripted(NotTaken("of another version"))
    reporter = Reporter(control, "boot-0001")
    reporter(_verdict(1))
    await reporter.flush(1)
    reporter(_verdict(2))
    await reporter.flush(1)
    assert (reporter.reported, reporter.lost, reporter.waiting) == (1, 1, 0)
