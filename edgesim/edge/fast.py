"""The learned fast path: hits that need no parsing, no policy and no waiting (docs/performance.md).

When a connection is idle and what arrives is ``GET`` + a target seen before + a block of header lines seen before, byte
for byte, then it is one request without a body that the real parser took before, and everything the full path decided
about it still holds: who the viewer is, which edge, which behaviour, which key. If the entry is still stored and fresh,
and no invalidation came, the prepared answer goes out; only the id, Age and the remaining lifetime are made anew.

A block of lines is learned from a request that went the full path and was answered with a plain fresh hit. Blocks that
give the same viewer the same keys share a table of targets, so that many different User-Agents need not each learn
every URL. Everything learned is dropped when the World changes in any way.
"""

from __future__ import annotations

import asyncio
import os
from base64 import urlsafe_b64encode
from collections import deque
from time import monotonic
from typing import Any

from edgesim.core.answers import Answer
from edgesim.core.behaviors import Distribution
from edgesim.core.forwarding import CONDITIONS
from edgesim.core.reasons import Outcome
from edgesim.core.routing import Choice
from edgesim.core.verdict import Verdict
from edgesim.edge import passing
from edgesim.edge.hierarchy import Hierarchy
from edgesim.edge.learned import (
    Block,
    FastHit,
    Lane,
    Prepared,
    dated,
    framed,
    head_pieces,
    independent,
    kind_of,
    measured,
)
from edgesim.edge.passing import Relay
from edgesim.edge.roads import lasting
from edgesim.edge.visit import Visit
from edgesim.observe.clock import Clock
from edgesim.observe.records import Hit, Records
from edgesim.wire.client import OriginPool
from edgesim.wire.incoming import Wait
from edgesim.wire.waiting import WaitingFlow, Whole

MOST_LEARNED = 48 * 1024 * 1024
"""Bytes of everything learned; the oldest is forgotten first."""

LEARNED_AT_ONCE = 1_000
"""Blocks and targets that are learned when first seen; with more, at second sight, as most random ones never return."""

MOST_SEEN = 16_384
"""Blocks and targets that are remembered as seen, by their hashes; with more, all count as new again."""

MOST_LANES = 10_000
"""Different viewers (address, listener, TLS) at a time; with one more, all is learned anew."""

LARGEST_LEARNED = 16_384
"""Bytes of a head that is learned."""

LARGEST_COPY = 4 * 1024 * 1024
"""Bytes of a body that is kept a second time, in chunks."""

JOINED = 64 * 1024
"""Bodies up to this many bytes are copied behind their head: one write is cheaper than two."""

FLUSH = 0.05
"""Seconds for which hits wait to be counted and logged together."""

MOST_WAITING = 2_000
"""Hits handed over at once, in about 5 ms. A busy loop does not get round to timers for up to half a second."""

_NEVER = CONDITIONS | {
    "range",
    "upgrade",
    "expect",
    "te",
    "transfer-encoding",
    "content-length",
    "authorization",
    "pragma",
    "cache-control",
}
"""Header fields that make an answer depend on more than its key, or a request more than a plain one."""


class FastPath:
    """Answers what it has learned; the listener's ``fast`` hook."""

    def __init__(self, hierarchy: Hierarchy, clock: Clock, records: Records, pool: OriginPool) -> None:
        self._hierarchy = hierarchy
        self._clock = clock
        self._records = records
        self._lanes: dict[object, Lane] = {}
        self._choices: dict[int, Choice] = {}
        self._learned: deque[tuple[dict[Any, Any], object, int]] = deque()
        self._size = 0
        self._seen: set[int] = set()
        self._ids: list[bytes] = []
        self._waiting: list[Hit] = []
        self.relay = Relay(pool, clock, self._record)
        self._timer: asyncio.TimerHandle | None = None
        self._passed = 0  # of those that wait
        self.hits = self.passed = 0
        records.settle = self.flush

    # Answering

    def __call__(self, data: bytes, connection: WaitingFlow, waited: Wait | None = None) -> Whole | Wait | None:
        """The answer to what arrived on an idle connection, ``None`` when the full path is to look at it.

        Where latency is real it is a wait first, and the answer is made after it, as on the full path. Handshakes
        are waited for with a connection's first request, which is the full path's business.
        """
        lane = connection.extra or self._met(connection)
        if lane is None or data[:4] != b"GET ":
            return None
        started = monotonic()
        end = data.find(b"\r\n")
        block: Block | None = lane.blocks.get(data[end:])  # type: ignore[attr-defined]
        prepared = block.targets.get(data[4:end]) if block is not None else None
        if block is None or prepared is None:
            return None if waited is not None else self.relay(data, connection, lane)  # type: ignore[arg-type]
        if waited is not None:
            started = waited.started
            if waited.known is not block:  # the World has changed meanwhile
                return None
        elif block.waits:
            if block.world.latency.handshakes and not connection.requests:
                return None
            return Wait(data, started, lasting(block.world.latency, block.routed.rtt_ms) / 1000, block)
        now = self._clock.now()
        entry = prepared.entry()
        if entry is None or now >= prepared.until or not entry.live or prepared.fences.sequence != prepared.sequence:
            del block.targets[data[4:end]]
            return None
        age = entry.initial_age + now - entry.received
        ids = self._ids or self._more_ids()
        id = ids.pop()
        pieces = prepared.pieces
        ttl = int((entry.lifetime.seconds - age) // 1)
        head = b"%b%b%b%d%b%d%b" % (pieces[0], id, pieces[1], age if age > 0 else 0, pieces[2], ttl, pieces[3])
        body = prepared.body
        if body is None:
            body = entry.body.data
        prepared.cache.store.touch(prepared.name)
        entry.hits += 1
        size = len(head) + len(body) if not connection.lost else 0
        port = connection.peer[1]
        ms = (monotonic() - started) * 1000
        self._waiting.append(FastHit(prepared.told, block, id, now, port, ms, len(data), size))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH, self.flush)
        elif len(self._waiting) >= MOST_WAITING:
            self.flush()
        return head + body if size <= JOINED else (head, body)

    def _record(self, passed: Hit) -> None:
        """An answer was passed on."""
        self._passed += 1
        self._waiting.append(passed)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH, self.flush)
        elif len(self._waiting) >= MOST_WAITING:
            self.flush()

    def _met(self, connection: WaitingFlow) -> Lane | None:
        """The lane of a new connection, so that a crowd's first requests are fast as well."""
        name = (connection.peer[0], connection.label, connection.scheme, connection.tls)
        lane = connection.extra = self._lanes.get(name)
        return lane

    def _more_ids(self) -> list[bytes]:
        random = os.urandom(40 * 256)
        self._ids = [urlsafe_b64encode(random[at : at + 40]) for at in range(0, len(random), 40)]
        return self._ids

    def flush(self) -> None:
        """Hand the waiting hits over to the records."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self.hits += len(waiting) - self._passed
            self.passed += self._passed
            self._passed = 0
            self._records.add_hits(waiting)

    # Learning

    def forget(self) -> None:
        """The World has changed: nothing that was learned holds any longer. What was answered before counts before."""
        self.flush()
        for lane in self._lanes.values():
            lane.blocks.clear()
            lane.kinds.clear()
            lane.passages.clear()
        self._choices.clear()
        self._learned.clear()
        self._size = 0

    def learn(self, visit: Visit, verdict: Verdict) -> None:
        """Remember a plain fresh hit that the full path has just answered; do nothing about any other."""
        raw, answer = visit.incoming.raw_head, visit.answer
        hop, distribution = visit.hop, visit.distribution
        if raw is None or answer is None or hop is None or distribution is None:
            return
        if hop.entry is None:
            self._learn_passage(visit, verdict, raw)
            return
        if visit.learnable is None or len(raw) > LARGEST_LEARNED or answer.status != hop.entry.status:
            return
        reason, headers = visit.learnable
        end = raw.find(b"\r\n")
        target, lines = raw[4:end], raw[end:]
        strange = self._strange(lines) | self._strange(target)  # both are to be remembered
        if strange or not self._plain(visit, answer):
            return
        lane = self._lane(visit)
        block = lane.blocks.get(lines) or self._block(lane, lines, distribution, visit)
        visit.reply.connection.extra = lane
        if target in block.targets:
            return
        body = None if measured(headers) else framed(answer.data or b"")
        pieces = head_pieces(answer.status, reason, headers, visit.id)
        if pieces is None or (body is not None and len(body) > LARGEST_COPY):
            return
        prepared = block.targets[target] = Prepared(hop.cache, hop.entry, pieces, body, verdict)
        self._note(block.targets, target, prepared.size + len(target))

    def _strange(self, part: bytes) -> bool:
        """Whether a block or a target is too new to be worth learning."""
        return self._new(part) and len(self._learned) >= LEARNED_AT_ONCE

    def _new(self, part: bytes) -> bool:
        """Whether these bytes come for the first time, as far as is remembered."""
        mark, seen = hash(part), self._seen
        if mark in seen:
            return False
        if len(seen) >= MOST_SEEN:
            seen.clear()
        seen.add(mark)
        return True

    def _learn_passage(self, visit: Visit, verdict: Verdict, raw: bytes) -> None:
        """Remember how a request is passed on when it comes a second time: many never do, as each has its own URL."""
        if visit.behavior is None or visit.behavior.caching or self._new(raw):
            return
        if (
            self._hierarchy.world is visit.world
            and len(raw) <= LARGEST_LEARNED
            and passing.plain(visit, self._clock.now())
        ):
            lane = visit.reply.connection.extra = self._lane(visit)
            if size := passing.learn(visit, verdict, lane.passages):
                self._note(lane.passages, raw, size)

    def _block(self, lane: Lane, lines: bytes, distribution: Distribution, visit: Visit) -> Block:
        """A new block of header lines, which shares its targets with others of its kind."""
        kind = kind_of(distribution, visit)
        targets = lane.kinds.get(kind)
        if targets is None:
            targets = lane.kinds[kind] = {}
            self._note(lane.kinds, kind, 2 * len(lines) + 1_000)
        choice = visit.routed.visitor.choice
        if choice is not None and id(choice) not in self._choices:
            self._choices[id(choice)] = choice
            self._note(self._choices, id(choice), 150 * len(choice.candidates))
        block = lane.blocks[lines] = Block(visit, targets)
        self._note(lane.blocks, lines, 3 * len(lines) + 200 * len(block.headers) + 1_000)
        return block

    def _lane(self, visit: Visit) -> Lane:
        incoming = visit.incoming
        name = (incoming.peer[0], incoming.label, incoming.scheme, incoming.tls)
        lane = self._lanes.get(name)
        if lane is None:
            if len(self._lanes) >= MOST_LANES:
                self.forget()  # open connections keep their lanes, which must be empty from now on
                self._lanes.clear()
            lane = self._lanes[name] = Lane()
        return lane

    def _note(self, table: dict[Any, Any], key: object, size: int) -> None:
        self._learned.append((table, key, size))
        self._size += size
        while self._size > MOST_LEARNED:
            old, known, freed = self._learned.popleft()
            old.pop(known, None)
            self._size -= freed

    def _plain(self, visit: Visit, answer: Answer) -> bool:
        """Whether an answer depends on nothing but the bytes of its request, the entry and the World."""
        hop, behavior, distribution = visit.hop, visit.behavior, visit.distribution
        if hop is None or behavior is None or distribution is None or hop.entry is None:
            return False
        exchange, world = hop.exchange, self._hierarchy.world
        decided = exchange.asked_upstream or exchange.joined is not None or exchange.stale is not None
        if decided or hop.outcome is not Outcome.HIT or answer.data is None:
            return False
        if not hop.entry.live or hop.entry.body.data is not answer.data or not behavior.profile.policy_ttls:
            return False
        if behavior.trusted_keys is not None:
            return False  # each request is checked: a signature expires
        if world is not visit.world or not hop.cache.fences.holds(hop.entry):
            return False  # the answer took its time to be sent, and holds no longer
        if world.faults or world.spreading(self._clock.now()) or visit.replaced_status or visit.reply.close:
            return False
        if visit.deployment is not None:  # the next request may go to the other distribution
            return False
        request = visit.request
        if request.method != "GET" or request.version != (1, 1) or not request.target.startswith("/"):
            return False
        if any(name.lower() in _NEVER for name in request.headers):
            return False
        if [value.lower() for value in request.headers.getall("Connection", ())] not in ([], ["keep-alive"]):
            return False
        return dated(hop.entry, behavior) and independent(distribution)
