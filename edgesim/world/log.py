"""The command log: the only thing kept on disk, in SQLite. A command is on disk before anybody hears that it worked."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from edgesim.errors import ConfigError, ControlError
from edgesim.world.commands import Command, from_json, to_json

SCHEMA = 1
APPLICATION_ID = 0x45444753  # "EDGS", in the file's header: says whose file it is

_TABLE = """
CREATE TABLE commands (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL
) STRICT
"""


class CommandLog:
    """The commands of one world, in order. One process has it at a time.

    Raises ``ConfigError`` when the file is damaged, not ours, of a later version, or in use. SQLite's own exclusive
    lock guards it, which the system lifts when a process dies, however it dies.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._pid_file = self.path.with_name(self.path.name + ".pid")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Replies wait for the disk, so there is nothing to gain from waiting for another process as well.
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=0.2, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise self._broken(str(error), "a directory that can be written to") from None
        try:
            self._take()
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> CommandLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file. Nothing is lost when this never runs."""
        with contextlib.suppress(OSError):
            self._pid_file.unlink()
        self._db.close()

    def append(self, command: Command) -> int:
        """Write a command; when this returns it is on disk. The sequence number, from 1."""
        try:
            cursor = self._db.execute("INSERT INTO commands (body) VALUES (?)", (to_json(command),))
        except sqlite3.Error as error:
            raise ControlError("InternalError", f"the command log cannot be written: {error}", 500) from None
        return int(cursor.lastrowid or 0)

    def read(self, since: int = 0) -> Iterator[tuple[int, Command]]:
        """The commands after a sequence number, in order. Raises ``ConfigError`` at what cannot be read."""
        expected = since
        try:
            for seq, body in self._db.execute("SELECT seq, body FROM commands WHERE seq > ? ORDER BY seq", (since,)):
                expected += 1
                if seq != expected:
                    raise self._broken(f"command {seq} where {expected} should be", "an unbroken log")
                yield seq, from_json(body)
        except sqlite3.DatabaseError as error:
            raise self._broken(str(error), "a readable log") from None
        except ControlError as error:
            raise self._broken(f"at command {expected}: {error.message}", "a command") from None

    def _take(self) -> None:
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("BEGIN EXCLUSIVE")
            self._prepare()
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise self._in_use() from None
            raise self._broken(str(error), "a writable log") from None
        except sqlite3.DatabaseError as error:
            raise self._broken(str(error), "a log of edgesim's") from None
        with contextlib.suppress(OSError):
            self._pid_file.write_text(str(os.getpid()), encoding="ascii")

    def _prepare(self) -> None:
        """Check the file, or make it when it is new."""
        (ours,), (version,) = (
            self._db.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
        )
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not tables and not ours:
            self._db.execute(_TABLE)
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {SCHEMA}")
            return
        if ours != APPLICATION_ID:
            raise self._broken("a database of another program", "a log of edgesim's")
        if version != SCHEMA:
            raise self._broken(f"version {version}", f"version {SCHEMA}", "It was written by another edgesim")
        if (result := self._value("PRAGMA quick_check(1)")) != "ok":
            raise self._broken(str(result), "an undamaged log")

    def _value(self, query: str) -> object:
        return self._db.execute(query).fetchone()[0]

    def _broken(self, found: str, expected: str, hint: str = "Move it away to begin with a new one") -> ConfigError:
        return ConfigError(str(self.path), "", found, expected, hint)

    def _in_use(self) -> ConfigError:
        try:
            owner = f"process {int(self._pid_file.read_text(encoding='ascii'))}"
        except (OSError, ValueError):
            owner = "another process"
        hint = "Stop it, or give this one a state directory of its own"
        return ConfigError(str(self.path), "", f"a log in use by {owner}", "a free one", hint)
