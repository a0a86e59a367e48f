"""What a cache holds: a byte-bounded LRU of entries that stay until space is needed (ARCHITECTURE rule 5).

An expired entry is kept, since revalidation and stale answers live on it. Eviction returns its victims.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from multidict import CIMultiDict, CIMultiDictProxy

from edgesim.core.bodies import Body
from edgesim.core.freshness import Lifetime
from edgesim.core.keys import Key
from edgesim.core.messages import Request, Response
from edgesim.core.ranges import Parts
from edgesim.core.values import record
from edgesim.core.vary import Selecting, selecting

ENTRY_OVERHEAD = 512
"""Bytes an entry is taken to need beyond its body and headers."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Entry:
    """One stored answer. Times are simulated seconds; ``initial_age`` is how old it was when it arrived.

    The three lives of an object: fresh until ``born + lifetime``, usable stale until the windows end, kept until
    evicted. ``sequence`` is the place in the cache's history at which its fetch began, for invalidations.
    """

    key: Key
    status: int
    reason: str
    headers: CIMultiDict[str] | CIMultiDictProxy[str]
    body: Body
    received: float
    lifetime: Lifetime
    initial_age: float = 0.0
    sequence: int = 0
    swr_until: float = 0.0
    stale_until: float = 0.0
    stale_forbidden: bool = False
    stale_by_directive: bool = False
    must_validate: bool = False
    refetch: bool = False
    immutable: bool = False
    error: bool = False
    parts: Parts | None = None
    selecting: Selecting = ()
    total: int | None = None
    hits: int = 0
    quiet_until: float = 0.0
    """No origin contact before this time: the origin failed a moment ago and a stale answer serves (spec §2.5)."""
    variant: str = ""
    live: bool = False
    """It is in a store now."""
    generated: bool = False
    """An error page made here, not an answer of the origin."""

    @property
    def expires(self) -> float:
        """When it stops being fresh."""
        return self.received - self.initial_age + self.lifetime.seconds

    def age(self, now: float) -> float:
        """Its current age in seconds, never negative (RFC 9111 §4.2.3)."""
        return max(0.0, self.initial_age + now - self.received)

    def fresh(self, now: float) -> bool:
        """Whether its lifetime is not over. An age equal to the lifetime is over."""
        return self.age(now) < self.lifetime.seconds

    @property
    def response(self) -> Response:
        """The stored head."""
        return Response(self.status, self.headers, self.reason, self.total)

    @property
    def size(self) -> int:
        """Bytes charged against the store."""
        held = self.parts.size if self.parts is not None else self.body.size
        return held + sum(len(name) + len(value) + 4 for name, value in self.headers.items()) + ENTRY_OVERHEAD


@record(frozen=True, slots=True)
class Put:
    """What storing did: whether it was kept, and the entries that had to go for it."""

    kept: bool
    evicted: tuple[Entry, ...] = ()


class _Lru:
    """Entries by full name within ``most`` bytes; the least recently used go first.

    One dict keeps them as they arrived; the other their charged sizes, as they were used.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0
        self.held: dict[str, Entry] = {}
        self._sizes: OrderedDict[str, int] = OrderedDict()

    def touch(self, name: str) -> Entry | None:
        """Count a use."""
        entry = self.held.get(name)
        if entry is not None:
            self._sizes.move_to_end(name)
        return entry

    def add(self, name: str, entry: Entry) -> list[Entry]:
        """Keep one more, of a name that is not there and a size that fits; who had to go for it."""
        size = entry.size
        gone: list[Entry] = []
        while self.used + size > self.most:
            gone.append(self.remove(next(iter(self._sizes))))
        self.held[name] = entry
        self._sizes[name] = size
        self.used += size
        entry.live = True
        return gone

    def remove(self, name: str) -> Entry:
        """Let go of one."""
        self.used -= self._sizes.pop(name)
        entry = self.held.pop(name)
        entry.live = False
        return entry

    def clear(self) -> None:
        """Let go of all."""
        for entry in self.held.values():
            entry.live = False
        self.held.clear()
        self._sizes.clear()
        self.used = 0


class _Alike:
    """Equal values, kept once: most of what heads say is said by thousands of them. Bounded; forgetting costs nothing
    but memory."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._texts: dict[str, str] = {}
        self._lifetimes: dict[object, Lifetime] = {}

    def share(self, entry: Entry) -> None:
        """Put what was said before in the place of what says the same."""
        if len(self._texts) > self._most:
            self._texts.clear()
        if len(self._lifetimes) > self._most:
            self._lifetimes.clear()
        share = self._texts.setdefault
        entry.reason = share(entry.reason, entry.reason)
        entry.headers = CIMultiDict([(name, share(value, value)) for name, value in entry.headers.items()])
        lifetime = entry.lifetime
        said = (lifetime.rule, repr(lifetime.seconds), repr(lifetime.asked))  # 60 and 60.0 are printed differently
        entry.lifetime = self._lifetimes.setdefault(said, lifetime)


_alike = _Alike(4_096)


@dataclass(slots=True)
class Found:
    """A lookup: the matching entry, or only that other variants exist."""

    entry: Entry | None = None
    variants: int = 0


class Store:
    """Entries by key. ``capacity`` is bytes; an object over ``largest`` is refused."""

    def __init__(self, capacity: int, largest: int | None = None) -> None:
        self.capacity = capacity
        self.asked_largest = largest
        self.largest = min(capacity, largest or capacity)
        self._lru = _Lru(capacity)
        self._variants: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._lru.held)

    @property
    def used(self) -> int:
        """Bytes in use."""
        return self._lru.used

    def entries(self) -> Iterator[Entry]:
        """Every entry, in the order of their first arrival; does not count as use."""
        return iter(list(self._lru.held.values()))

    def names(self) -> list[str]:
        """The full names of all entries at this moment."""
        return list(self._lru.held)

    def touch(self, name: str) -> None:
        """Count a use of the entry under a full name."""
        self._lru.touch(name)

    def peek(self, name: str) -> Entry | None:
        """The entry under a full name, without counting as use."""
        return self._lru.held.get(name)

    def named(self, names: Iterable[str]) -> list[Entry]:
        """The entries under some full names, of those that are still there; does not count as use."""
        held = self._lru.held
        return [entry for name in names if (entry := held.get(name)) is not None]

    def find(self, key: Key, request: Request) -> Found:
        """The entry for a request: by key, and where variants exist by Vary, the most recent match (RFC 9111 §4.1)."""
        names = self._variants.get(key.text)
        if names is None:
            return Found(self._lru.touch(key.text))
        best: Entry | None = None
        for name in names:
            entry = self.peek(name)
            if entry is not None and self.matches(entry, request) and (best is None or entry.received >= best.received):
                best = entry
        if best is not None:
            self._lru.touch(key.text + best.variant)
        return Found(best, len(names))

    @staticmethod
    def matches(entry: Entry, request: Request) -> bool:
        """Whether the fields that Vary names have the values in this request that chose the entry."""
        wanted = tuple(name for name, _ in entry.selecting)
        return selecting(wanted, request.headers) == entry.selecting

    def put(self, entry: Entry) -> Put:
        """Keep an entry, replacing the one it succeeds; the least recently used ones go if space is needed."""
        name = entry.key.text + entry.variant
        before = self.peek(name)
        if before is not None:  # first, as it must neither crowd out others nor count as evicted
            self.drop(before)
        if entry.size > self.largest:
            return Put(False)
        others = self._variants.get(entry.key.text)
        if entry.variant or others is not None:
            self._note_variant(entry.key.text, name)
        _alike.share(entry)
        evicted = tuple(self._lru.add(name, entry))
        for victim in evicted:
            self._forget_variant(victim.key.text, victim.key.text + victim.variant)
        return Put(True, evicted)

    def _note_variant(self, text: str, name: str) -> None:
        names = self._variants.setdefault(text, [text] if text in self._lru.held else [])
        if name not in names:
            names.append(name)

    def _forget_variant(self, text: str, name: str) -> None:
        names = self._variants.get(text)
        if names is None:
            return
        if name in names:
            names.remove(name)
        if not names:
            del self._variants[text]

    def drop(self, entry: Entry) -> bool:
        """Remove one entry, if it is the one stored under its name."""
        name = entry.key.text + entry.variant
        if self.peek(name) is not entry:
            return False
        self._lru.remove(name)
        self._forget_variant(entry.key.text, name)
        return True

    def drop_key(self, key: Key) -> int:
        """Remove every variant under a key; how many there were."""
        names = list(self._variants.get(key.text, [key.text]))
        gone = [entry for name in names if (entry := self.peek(name)) is not None]
        return sum(self.drop(entry) for entry in gone)

    def clear(self) -> None:
        """Forget everything."""
        self._lru.clear()
        self._variants.clear()
