"""Invalidations, as fences in a cache's history (spec §8; ARCHITECTURE rule 7).

Every stored answer remembers the sequence number at which its fetch began. An invalidation takes the next number and a
pattern: whatever began before it and matches is gone from that instant on, whether it is stored or still on its way.
Sweeping the store afterwards, in pieces, only frees the space.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from edgesim.core.keys import SEPARATOR
from edgesim.core.store import Entry

MOST_BEGINNINGS = 32
"""With more invalidated paths than this, names are no longer told apart by how they begin."""


@dataclass(slots=True)
class _Rules:
    exact: dict[str, int] = field(default_factory=dict)
    prefixes: dict[str, int] = field(default_factory=dict)

    def newest(self, uri: str) -> int:
        found = self.exact.get(uri, 0)
        for prefix, sequence in self.prefixes.items():
            if sequence > found and uri.startswith(prefix):
                found = sequence
        return found


class Fences:
    """The invalidations one cache has seen, by distribution."""

    def __init__(self) -> None:
        self.sequence = 0
        self._rules: dict[str, _Rules] = {}

    def now(self) -> int:
        """The number a fetch that begins now has to remember."""
        return self.sequence

    def invalidate(self, distribution: str, paths: tuple[str, ...]) -> int:
        """Raise a fence for each path; ``*`` as the last character covers everything that begins so. Its number."""
        self.sequence += 1
        rules = self._rules.setdefault(distribution, _Rules())
        for path in paths:
            if path.endswith("*"):
                rules.prefixes[path[:-1]] = self.sequence
            else:
                rules.exact[path] = self.sequence
        return self.sequence

    def invalidate_one(self, distribution: str, uri: str) -> int:
        """Raise a fence for one URI as it stands, be its last character what it may. Its number."""
        self.sequence += 1
        self._rules.setdefault(distribution, _Rules()).exact[uri] = self.sequence
        return self.sequence

    def passed(self, distribution: str, uri: str, began: int) -> bool:
        """True when no invalidation came after ``began`` for this URI."""
        rules = self._rules.get(distribution)
        return rules is None or rules.newest(uri) <= began

    def holds(self, entry: Entry) -> bool:
        """True when an entry is still valid as far as invalidations go."""
        if not self._rules:
            return True
        return self.passed(entry.key.distribution, entry.key.uri, entry.sequence)

    def suspects(self, names: list[str]) -> list[str]:
        """The full names (see ``Key.text``) among which are all that an invalidation may have taken out.

        By their beginnings alone, so that those of entries that have nothing to fear cost next to nothing.
        """
        if len(self) > MOST_BEGINNINGS:
            return names
        beginnings: list[str] = []
        for distribution, rules in self._rules.items():
            start = distribution + SEPARATOR
            beginnings += [start + path for path in (*rules.exact, *rules.prefixes)]
            beginnings.append(f"{start}http")  # whole URIs, of a standard cache
        wanted = tuple(beginnings)
        return [name for name in names if name.startswith(wanted)]

    def caught(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those of some entries that an invalidation has taken out."""
        found = []
        for entry in entries:
            rules = self._rules.get(entry.key.distribution)
            if rules is not None and rules.newest(entry.key.uri) > entry.sequence:
                found.append(entry)
        return found

    def forget(self, up_to: int) -> None:
        """Drop the fences up to a number: the store was swept and nothing older is on its way."""
        for distribution, rules in list(self._rules.items()):
            rules.exact = {path: number for path, number in rules.exact.items() if number > up_to}
            rules.prefixes = {path: number for path, number in rules.prefixes.items() if number > up_to}
            if not rules.exact and not rules.prefixes:
                del self._rules[distribution]

    def __len__(self) -> int:
        return sum(len(rules.exact) + len(rules.prefixes) for rules in self._rules.values())
