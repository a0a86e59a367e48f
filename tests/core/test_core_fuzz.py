"""A fuzzer over requests, origin answers, the clock and invalidations, in virtual time, with what must always be true.

Every object's bytes follow from its path and version, its ETag is the version, and ``X-Born`` counts the origin's
answers, so each answer tells which fetch its bytes came with.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from multidict import CIMultiDict

from edgesim.core.behaviors import Origin
from edgesim.core.failures import Failure, FailureKind
from edgesim.core.forwarding import Upstream
from edgesim.core.policies import EVERYTHING, CachePolicy, Ttls
from edgesim.core.ranges import parse_content_range, parse_range, resolve
from edgesim.core.reasons import Stale
from edgesim.sim.driver import Seen
from edgesim.sim.origin import Silence, Told
from support.playbook import VirtualEdge, behavior, distribution

PATHS = ("/a", "/dir/b")
ERROR_TTL = 10


def content(path: str, version: int) -> bytes:
    """What an object is at a version: lengths differ, and no two positions of two objects agree for long."""
    line = f"{path} {version} ".encode()
    return (line * 40)[: 200 + 37 * version % 91]


@dataclass
class Source:
    """The origin: versions that change, moods, and a memory of what it did."""

    versions: Counter[str] = field(default_factory=Counter)
    control: str = "max-age=30"
    etags: bool = True
    ranges: bool = True
    mood: str = "fine"
    delay: float = 0.0
    pause: float = 0.0
    answers: int = 0
    failed_at: dict[str, list[float]] = field(default_factory=lambda: {path: [] for path in PATHS})

    def answer(self, origin: Origin, request: Upstream, now: float) -> Told | Silence:
        path = request.target.partition("?")[0]
        headers = CIMultiDict(request.headers)
        self.answers += 1
        if self.mood == "silent":
            self.failed_at[path].append(now + self.delay)
            return Silence(Failure(FailureKind.REFUSED), self.delay)
        if self.mood in ("500", "404"):
            if self.mood == "500":
                self.failed_at[path].append(now + self.delay)
            return Told(int(self.mood), (("Content-Length", "4"),), ((0.0, b"oops"),), self.delay)
        return self._content(path, headers)

    def _content(self, path: str, headers: CIMultiDict[str]) -> Told:
        version = self.versions[path]
        tag = f'"{version}"'
        head = [("Cache-Control", self.control), ("X-Path", path), ("X-Version", str(version))]
        if self.etags:
            head.append(("ETag", tag))
            if headers.get("If-None-Match") == tag:
                return Told(304, tuple(head), (), self.delay)
        head.append(("X-Born", str(self.answers)))
        body, status = content(path, version), 200
        asked = parse_range(headers.get("Range"))
        held = headers.get("If-Range")
        if self.ranges and asked is not None and (held is None or (self.etags and held == tag)):
            interval = resolve(asked[0], len(body))
            if interval is not None:
                status = 206
                head.append(("Content-Range", f"bytes {interval[0]}-{interval[1]}/{len(body)}"))
                body = body[interval[0] : interval[1] + 1]
        head.append(("Content-Length", str(len(body))))
        middle = len(body) // 2
        if self.mood == "breaks":
            pieces = ((0.0, body[:middle]),)
            return Told(status, tuple(head), pieces, self.delay, breaks=Failure(FailureKind.TRUNCATED))
        return Told(status, tuple(head), ((0.0, body[:middle]), (self.pause, body[middle:])), self.delay)


@dataclass
class Pending:
    """A request on its way and what was true when it began."""

    seen: Seen
    path: str
    barrier: int
    left: bool = False


class CacheMachine(RuleBasedStateMachine):
    """Anything may happen in any order; what no viewer may ever see is asserted after every step."""

    @initialize(
        ttls=st.sampled_from([Ttls(0, 20, 100), Ttls(5, 20, 100), Ttls(0, 20, 40)]),
        cookies=st.booleans(),
        tiers=st.booleans(),
        block=st.sampled_from([0, 16, 64, 1 << 20]),
        capacity=st.sampled_from([3_000, 64_000_000]),
        delay=st.sampled_from([0.0, 0.5]),
    )
    def begin(self, ttls: Ttls, cookies: bool, tiers: bool, block: int, capacity: int, delay: float) -> None:
        policy = CachePolicy("p", "p", ttls, cookies=EVERYTHING) if cookies else CachePolicy("p", "p", ttls)
        served = distribution(behavior(policy=policy, range_block=block), regional_caches=tiers)
        self.ttls = ttls
        self.edge = VirtualEdge(served, capacity=capacity)
        self.source = Source(delay=delay)
        self.edge.sim.origin = self.source
        self.barriers: Counter[str] = Counter()
        self.pending: list[Pending] = []

    # What may happen

    @rule(
        path=st.sampled_from(PATHS),
        method=st.sampled_from(["GET", "GET", "GET", "HEAD"]),
        span=st.sampled_from([None, None, "bytes=0-15", "bytes=20-60", "bytes=-10", "bytes=100-", "bytes=0-1,50-60"]),
        condition=st.sampled_from([None, None, None, '"0"', '"1"']),
        held=st.sampled_from([None, None, None, '"0"', '"1"']),
    )
    def ask(self, path: str, method: str, span: str | None, condition: str | None, held: str | None) -> None:
        headers = {"Range": span, "If-None-Match": condition, "If-Range": held if span else None}
        self._send(path, method=method, headers={name: value for name, value in headers.items() if value})

    @rule(path=st.sampled_from(PATHS), count=st.integers(2, 6))
    def ask_together(self, path: str, count: int) -> None:
        """N viewers at one moment cost one fetch, one each, or none: never something in between, and never a hang."""
        self.finish()
        before, mood = self.source.answers, self.source.mood
        self.source.delay = 1.0
        for _ in range(count):
            self._send(path)
        alone = [one.seen for one in self.pending]
        self.finish()
        self.source.delay = 0.0
        asked = self.source.answers - before
        background = sum(one.verdict is not None and one.verdict.stale is Stale.WHILE_REVALIDATE for one in alone)
        assert asked in (0, 1, count) or (background and asked == 1), (asked, count, mood)

    @rule(path=st.sampled_from(PATHS), after=st.sampled_from([0.0, 0.1, 0.6]))
    def ask_and_leave(self, path: str, after: float) -> None:
        self._send(path, leaves_after=after)
        self.pending[-1].left = True

    @rule(path=st.sampled_from(PATHS), count=st.integers(1, 3), pattern=st.sampled_from(["/a", "/dir/*", "/*"]))
    def invalidate_under_way(self, path: str, count: int, pattern: str) -> None:
        """Requests on their way, an invalidation and a change, and more requests before the first are answered."""
        self.finish()
        self.source.delay = 0.5
        for _ in range(count):
            self._send(path)
        self.edge.until(self.edge.now + 0.2)
        self.change(path)
        self.invalidate(pattern)
        for _ in range(count):
            self._send(path)
        self.finish()

    @rule(path=st.sampled_from(PATHS), after=st.sampled_from([10, 20, 40, 60, 90]), again=st.sampled_from([5, 20, 40]))
    def outage(self, path: str, after: float, again: float) -> None:
        """The origin fails for a while, some time after an object was fetched."""
        mood = self.source.mood
        self._send(path)
        self.finish()
        self.wait(after)
        self.source.mood = "500"
        self._send(path)
        self.finish()
        self.wait(again)
        self._send(path)
        self.finish()
        self.source.mood = mood

    @rule(path=st.sampled_from(PATHS))
    def follow_one_who_leaves(self, path: str) -> None:
        """The viewer whose fetch others wait for goes away."""
        self.finish()
        self.source.delay = 0.5
        self.ask_and_leave(path, 0.1)
        self._send(path)
        self._send(path)
        self.finish()

    @rule(path=st.sampled_from(PATHS), first=st.sampled_from(["bytes=0-15", "bytes=20-60"]))
    def ask_part_then_change(self, path: str, first: str) -> None:
        """Parts of different versions must not be put together."""
        self.source.ranges = True
        self.ask(path, "GET", first, None, None)
        self.finish()
        self.change(path)
        self.ask(path, "GET", "bytes=10-40", None, None)
        self.finish()
        self.ask(path, "GET", "bytes=15-45", None, None)

    @rule(seconds=st.sampled_from([0.2, 0.5, 1, 5, 10, 20, 30, 60, 100]))
    def wait(self, seconds: float) -> None:
        self.edge.until(self.edge.now + seconds)

    @rule(path=st.sampled_from(PATHS))
    def change(self, path: str) -> None:
        self.source.versions[path] += 1

    @rule(
        control=st.sampled_from(
            [
                "max-age=30",
                "max-age=0",
                "no-store",
                "private",
                "public",
                "max-age=10, stale-while-revalidate=20",
                "max-age=10, stale-if-error=30",
                "max-age=10, stale-if-error=0",
                "max-age=10, must-revalidate",
            ]
        )
    )
    def set_control(self, control: str) -> None:
        self.source.control = control

    @rule(
        mood=st.sampled_from(["fine", "fine", "fine", "500", "404", "silent", "breaks"]),
        delay=st.sampled_from([0.0, 0.0, 0.5]),
        pause=st.sampled_from([0.0, 0.5]),
        etags=st.booleans(),
        ranges=st.booleans(),
    )
    def set_mood(self, mood: str, delay: float, pause: float, etags: bool, ranges: bool) -> None:
        self.source.mood, self.source.delay, self.source.pause = mood, delay, pause
        self.source.etags, self.source.ranges = etags, ranges

    @rule(pattern=st.sampled_from(["/a", "/dir/*", "/*"]))
    def invalidate(self, pattern: str) -> None:
        self.edge.invalidate(pattern)
        for path in PATHS:
            if path == pattern or (pattern.endswith("*") and path.startswith(pattern[:-1])):
                self.barriers[path] = self.source.answers

    @rule()
    def finish(self) -> None:
        """Everything ends: nobody is left waiting, nothing on its way."""
        self.edge.settle()
        self.check_answers()
        assert not self.pending
        for cache in self.edge.sim.caches.values():
            assert not cache.under_way
            assert len(cache.flights) == 0

    def _send(self, path: str, **more: object) -> None:
        seen = self.edge.send(path, **more)
        self.pending.append(Pending(seen, path, self.barriers[path]))

    # What must be true

    @invariant()
    def check_answers(self) -> None:
        if not hasattr(self, "pending"):
            return
        for one in [one for one in self.pending if one.seen.done]:
            self.pending.remove(one)
            if one.seen.headers is not None:
                self._check(one)
            else:
                assert one.left, "a viewer who stayed got no answer"

    @invariant()
    def stores_are_sound(self) -> None:
        if not hasattr(self, "edge"):
            return
        for cache in self.edge.sim.caches.values():
            entries = list(cache.store.entries())
            assert cache.store.used == sum(entry.size for entry in entries) <= cache.store.capacity
            for entry in entries:
                if "X-Path" in entry.headers and "\x1fHEAD" not in entry.key.text:
                    whole = content(entry.headers["X-Path"], int(entry.headers["X-Version"]))
                    assert entry.key.uri == entry.headers["X-Path"], "stored under another key"
                    if entry.parts is None:
                        assert entry.body.complete
                        assert entry.body.data == whole, "a truncated object is stored"

    def _check(self, one: Pending) -> None:
        seen, verdict = one.seen, one.seen.verdict
        assert verdict is not None
        headers = seen.headers
        assert headers is not None
        age = int(headers.get("Age", "0"))
        assert age >= 0
        if "X-Path" not in headers:
            assert seen.status in (404, 416, 500, 502), seen.status
            return
        assert headers["X-Path"] == one.path, "another key's answer"
        if "X-Born" in headers:
            assert int(headers["X-Born"]) > one.barrier, "an invalidated answer"
        self._check_bytes(one, headers)
        self._check_freshness(one, headers, age)

    def _check_bytes(self, one: Pending, headers: CIMultiDict[str]) -> None:
        seen = one.seen
        whole = content(one.path, int(headers["X-Version"]))
        if not seen.complete or seen.request.method == "HEAD" or seen.status in (304, 416):
            return
        if seen.status == 200:
            assert seen.body == whole
        elif "Content-Range" in headers:
            place = parse_content_range(headers["Content-Range"])
            assert place is not None
            assert seen.body == whole[place[0] : place[1] + 1]
            asked = parse_range(seen.request.headers["Range"])
            assert asked is not None
            assert resolve(asked[0], len(whole)) == place[:2], "not the range that was asked for"
            held = seen.request.headers.get("If-Range")
            assert held in (None, headers.get("ETag")), "a part for a viewer who holds another version"

    def _check_freshness(self, one: Pending, headers: CIMultiDict[str], age: int) -> None:
        seen, verdict = one.seen, one.seen.verdict
        assert verdict is not None
        if verdict.forwarded is not None and verdict.stale is None:
            return  # fresh from above
        control = headers["Cache-Control"]
        lifetime = self._lifetime(control)
        if verdict.stale is None:
            assert verdict.joined is not None or age < lifetime, "stale without licence"
            return
        assert "must-revalidate" not in control
        assert age < self.ttls.maximum, "stale beyond the maximum TTL"
        if verdict.stale is Stale.WHILE_REVALIDATE:
            assert age < lifetime + 20
            assert "stale-while-revalidate" in control
        else:
            assert "stale-if-error=0" not in control
            failed = self.source.failed_at[one.path]
            begin, end = seen.first_byte_at - ERROR_TTL, seen.first_byte_at
            assert any(begin <= moment <= end for moment in failed), "stale without a failure"
            if "stale-if-error=30" in control:
                assert age < lifetime + 30

    def _lifetime(self, control: str) -> int:
        ttls = self.ttls
        if "no-store" in control or "private" in control:
            return ttls.minimum
        if "max-age=" not in control:
            return max(ttls.minimum, ttls.default)
        return min(max(int(control.partition("max-age=")[2].partition(",")[0]), ttls.minimum), ttls.maximum)

    def teardown(self) -> None:
        if hasattr(self, "edge"):
            self.finish()


CacheMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCacheMachine = CacheMachine.TestCase
