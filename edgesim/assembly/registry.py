"""The control plane's list of the processes that take part: who beat lately, with which edges, at which address."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from edgesim.front.members import Registered

BEAT_SECONDS = 1.0
ABSENT_SECONDS = 5.0
"""Without a beat for so long, a process is gone."""


class Beat(BaseModel):
    """What a process says of itself once a second. Without ``host`` it is where its beats come from."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str = Field(min_length=1, max_length=100)
    boot: str = Field(min_length=8, max_length=64)
    role: str
    edges: tuple[str, ...] = ()
    host: str = ""
    port: int = Field(default=0, ge=0, le=65_535)
    http: int = Field(default=0, ge=0, le=65_535)
    https: int = Field(default=0, ge=0, le=65_535)
    sequence: int = 0
    counts: dict[str, Any] = {}


@dataclass(slots=True)
class _Entry:
    beat: Beat
    host: str
    seen: float
    since: float


@dataclass(slots=True)
class Batches:
    """Verdicts that have come from one process: the last batch's number, and how many it had to drop."""

    last: int = -1
    received: int = 0
    lost: int = 0


@dataclass(slots=True)
class Registry:
    """Who is there. ``now`` is the machine's monotonic clock, in seconds."""

    now: Callable[[], float] = monotonic
    batches: dict[str, Batches] = field(default_factory=dict)
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _era: str = field(default_factory=lambda: secrets.token_hex(4))
    _changes: int = 0
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.now()

    @property
    def settling(self) -> bool:
        """Just started, and so not everybody has been heard yet."""
        return self.now() - self._began < ABSENT_SECONDS

    @property
    def revision(self) -> str:
        """Another text after every change, and after every start of the control plane."""
        return f"{self._era}-{self._changes}-{int(self.settling)}"

    def beat(self, beat: Beat, peer: str) -> bool:
        """A process is there; True when that is news. One of the same name with another ``boot`` has been replaced."""
        host = beat.host or peer
        known = self._entries.get(beat.boot)
        now = self.now()
        if known is not None and _registered(known.beat, known.host) == _registered(beat, host):
            known.beat, known.seen = beat, now
            return False
        for boot, entry in list(self._entries.items()):
            if entry.beat.name == beat.name:
                del self._entries[boot]
        self._entries[beat.boot] = _Entry(beat, host, now, now)
        self._changes += 1
        return True

    def leave(self, boot: str) -> bool:
        """A process says it ends; True when it was there."""
        left = self._entries.pop(boot, None) is not None
        self._changes += left
        return left

    def expire(self) -> bool:
        """Drop those that were not heard for long; True when there were any."""
        oldest = self.now() - ABSENT_SECONDS
        gone = [boot for boot, entry in self._entries.items() if entry.seen < oldest]
        for boot in gone:
            del self._entries[boot]
        self._changes += len(gone) > 0
        return bool(gone)

    def edges(self) -> list[Registered]:
        """The edge processes, the longest there first."""
        entries = sorted(self._entries.values(), key=lambda entry: entry.since)
        return [_registered(entry.beat, entry.host) for entry in entries if entry.beat.role == "edge"]

    def caches(self) -> dict[str, dict[str, int]]:
        """What the edges said of their caches, by POP code."""
        beats = [entry.beat for entry in self._entries.values()]
        return {
            pop: {"entries": int(facts["objects"]), "used_bytes": int(facts["bytes"])}
            for beat in beats
            for pop, facts in beat.counts.get("caches", {}).items()
            if pop in beat.edges
        }

    def listed(self) -> list[dict[str, Any]]:
        """Everybody, for people: with the seconds since the last beat."""
        now = self.now()
        return [
            {**entry.beat.model_dump(mode="json"), "host": entry.host, "silent_s": round(now - entry.seen, 2)}
            for entry in sorted(self._entries.values(), key=lambda entry: (entry.beat.role, entry.beat.name))
        ]


def _registered(beat: Beat, host: str) -> Registered:
    return Registered(beat.name, beat.boot, beat.edges, host, beat.port, beat.http, beat.https)
