"""The command log: what was acknowledged is there, whatever happened to the process."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from small_worlds import START, TWO_EDGES, configure

from edgesim.errors import ConfigError, ControlError
from edgesim.world.commands import Command, SetClock, SetEdge
from edgesim.world.keeper import WorldKeeper
from edgesim.world.log import CommandLog
from edgesim.world.state import World

WRITER = """
import sys
from edgesim.world.commands import SetClock
from edgesim.world.keeper import WorldKeeper
from edgesim.world.log import CommandLog
keeper = WorldKeeper.open(CommandLog(sys.argv[1]))
number = keeper.sequence
while True:
    number += 1
    keeper.apply(SetClock(real=number, simulated=number, speed=1))
    print(number, flush=True)
"""


def clock(number: int) -> SetClock:
    return SetClock(real=number, simulated=number, speed=1)


def test_commands_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "world.db"
    with CommandLog(path) as log:
        assert [log.append(clock(number)) for number in range(1, 6)] == [1, 2, 3, 4, 5]
    with CommandLog(path) as log:
        assert list(log.read()) == [(number, clock(number)) for number in range(1, 6)]
        assert [seq for seq, _ in log.read(since=3)] == [4, 5]
        assert log.append(clock(6)) == 6


def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    path, chance, acknowledged = tmp_path / "world.db", random.Random(7), 0
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(chance.randrange(1, 40)):
            acknowledged = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(line) for line in process.stdout.read().split("\n")[:-1] if line)])
        process.wait()
        process.stdout.close()
        with CommandLog(path) as log:
            numbers = [seq for seq, _ in log.read()]
        assert numbers == list(range(1, len(numbers) + 1))
        assert acknowledged <= len(numbers) <= acknowledged + 1  # one may be on disk and not said so yet


def test_two_processes_cannot_share_a_log(tmp_path: Path) -> None:
    path = tmp_path / "world.db"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        with pytest.raises(ConfigError) as caught:
            CommandLog(path)
        assert f"in use by process {process.pid}" in caught.value.found
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    CommandLog(path).close()


def test_the_same_process_cannot_have_it_twice(tmp_path: Path) -> None:
    with CommandLog(tmp_path / "world.db"), pytest.raises(ConfigError, match="in use"):
        CommandLog(tmp_path / "world.db")


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE x (y)")
    db.close()


def text(path: Path) -> None:
    path.write_text("dear diary " * 1000, encoding="ascii")


def torn(path: Path) -> None:
    with CommandLog(path) as log:
        for number in range(1, 2000):
            log.append(clock(number))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def later(path: Path) -> None:
    CommandLog(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()


def gap(path: Path) -> None:
    with CommandLog(path) as log:
        for number in range(1, 4):
            log.append(clock(number))
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("DELETE FROM commands WHERE seq = 2")
    db.close()


def scribbled(path: Path) -> None:
    with CommandLog(path) as log:
        log.append(clock(1))
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("UPDATE commands SET body = 'x'")
    db.close()


@pytest.mark.parametrize("spoil", [foreign, text, torn, later, gap, scribbled], ids=lambda spoil: spoil.__name__)
def test_a_spoilt_file_is_a_config_error(spoil: object, tmp_path: Path) -> None:
    path = tmp_path / "world.db"
    assert callable(spoil)
    spoil(path)

    def use() -> None:
        with CommandLog(path) as log:
            list(log.read())

    with pytest.raises(ConfigError) as caught:
        use()
    assert caught.value.file == str(path)
    assert caught.value.hint


def test_a_place_that_cannot_be_written_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(ConfigError):
        CommandLog(tmp_path / "file" / "world.db")


def test_the_keeper_replays_to_an_equal_world(tmp_path: Path) -> None:
    path = tmp_path / "world.db"
    with CommandLog(path) as log:
        keeper = WorldKeeper.open(log, configure())
        keeper.apply(SetEdge(pop="SYD62-C1", state="stopped"))
        before = keeper.world
    with CommandLog(path) as log:
        again = WorldKeeper.open(log, configure(real=START + 500))
        assert again.world == before
        assert again.sequence == 2
        assert again.world.simulated_now(START + 500) == START + 500


def test_a_changed_file_is_configured_on_start(tmp_path: Path) -> None:
    path = tmp_path / "world.db"
    with CommandLog(path) as log:
        WorldKeeper.open(log, configure()).apply(SetEdge(pop="LHR61-C2", state="stopped"))
    with CommandLog(path) as log:
        keeper = WorldKeeper.open(log, configure(TWO_EDGES.replace("name: two edges", "name: new"), START + 10))
        assert keeper.world.file.name == "new"
        assert keeper.world.states == {"LHR61-C2": "stopped"}
        assert keeper.sequence == 3


def test_listeners_hear_of_what_happened_and_not_of_what_was_refused() -> None:
    keeper = WorldKeeper.open(None, configure())
    heard: list[tuple[World, Command]] = []
    end = keeper.subscribe(lambda world, command: heard.append((world, command)))
    command = SetEdge(pop="SYD62-C1", state="stopped")
    with pytest.raises(ControlError):
        keeper.apply(SetEdge(pop="SYD9", state="stopped"))
    after = keeper.apply(command)
    assert heard == [(after, command)]
    assert keeper.apply(command) is after
    end()
    keeper.apply(SetEdge(pop="SYD62-C1", state="up"))
    assert len(heard) == 1
