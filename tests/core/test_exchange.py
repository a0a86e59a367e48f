"""The per-request machine where scenarios cannot look: what happens in between."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edgesim.core.behaviors import ErrorRule
from edgesim.core.cache import Cache, Tier
from edgesim.core.exchange import Exchange
from edgesim.core.failures import Failure, FailureKind
from edgesim.core.flights import FlightState
from edgesim.core.keys import cache_key
from edgesim.core.messages import Request, Response
from edgesim.core.policies import Ttls
from edgesim.core.profiles import RFC9111, Profile
from edgesim.core.reasons import Forwarded, NotJoined, NotStored, Outcome, Stale
from edgesim.core.steps import Answered, Ask, Done, Ended, Failed, Fetch, Join, Refuse, Relay, Released, Serve, Step
from edgesim.core.store import Store
from support.playbook import VirtualEdge, behavior, distribution, outcome

CACHE_IT = {"Cache-Control": "max-age=60", "ETag": '"1"'}


class Desk:
    """One cache and the requests that pass it."""

    def __init__(self, ttls: Ttls | None = None, profile: Profile | None = None, largest: int | None = None) -> None:
        self.cache = Cache("here", Tier.EDGE, Store(100_000, largest))
        self.served = behavior(ttls=ttls, **({"profile": profile} if profile is not None else {}))
        self.where = distribution(self.served)

    def exchange(
        self, target: str = "/a", method: str = "GET", *, background: bool = False, **headers: str
    ) -> Exchange:
        fields = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
        request = Request(method, target, fields)
        key = cache_key(self.where, self.served, request)
        return Exchange(self.cache, Ask("id", request, self.where, self.served, key, background))

    def fill(self, body: bytes = b"0123456789", now: float = 0.0, **headers: str) -> None:
        """Have ``/a`` stored."""
        exchange = self.exchange()
        assert isinstance(exchange.start(now), Fetch)
        relay = exchange.tell(answered(now, body, **(headers or {"Cache_Control": "max-age=60", "ETag": '"1"'})))
        finish(exchange, relay, body, now)


def answered(now: float, body: bytes = b"0123456789", status: int = 200, **headers: str) -> Answered:
    fields = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return Answered(Response(status, fields, "", len(body)), now, now)


def finish(exchange: Exchange, relay: Step, body: bytes, now: float, broken: NotStored | None = None) -> Done:
    assert isinstance(relay, Relay)
    if relay.entry is not None:
        relay.entry.body.append(body)
        relay.entry.body.finish()
    done = exchange.tell(Ended(now, broken))
    assert isinstance(done, Done)
    assert exchange.final
    return done


def test_a_fetch_overtaken_by_an_invalidation_is_not_kept() -> None:
    desk = Desk()
    exchange = desk.exchange()
    exchange.start(0.0)
    relay = exchange.tell(answered(0.0, **{"Cache_Control": "max-age=60"}))
    desk.cache.invalidate("E1", ("/a",))
    finish(exchange, relay, b"0123456789", 1.0)
    assert exchange.not_stored is NotStored.INVALIDATED
    assert len(desk.cache.store) == 0
    assert not desk.cache.under_way


def test_a_304_overtaken_by_an_invalidation_renews_nothing() -> None:
    desk = Desk()
    desk.fill()
    exchange = desk.exchange()
    step = exchange.start(60.0)
    assert isinstance(step, Fetch)
    assert step.conditions == (("If-None-Match", '"1"'),)
    desk.cache.invalidate("E1", ("/*",))
    served = exchange.tell(answered(61.0, b"", 304, ETag='"1"', Cache_Control="max-age=60"))
    assert isinstance(served, Serve)
    assert exchange.not_stored is NotStored.INVALIDATED
    assert len(desk.cache.store) == 0


def test_an_invalidated_copy_does_not_stand_in_for_a_failing_origin() -> None:
    desk = Desk()
    desk.fill()
    exchange = desk.exchange()
    exchange.start(60.0)
    desk.cache.invalidate("E1", ("/a",))
    assert isinstance(exchange.tell(answered(61.0, b"oops", 500)), Relay)


def test_who_waited_through_an_invalidation_asks_for_the_whole() -> None:
    desk = Desk()
    desk.fill()
    leader, follower = desk.exchange(), desk.exchange()
    leader.start(60.0)
    join = follower.start(60.0)
    assert isinstance(join, Join)
    desk.cache.invalidate("E1", ("/a",))
    finish(leader, leader.tell(answered(61.0, Cache_Control="no-store")), b"0123456789", 61.0)
    assert join.flight.state is FlightState.ALONE
    step = follower.tell(Released(61.0))
    assert step == Fetch((), None, "GET")
    assert follower.not_joined is NotJoined.OUTCOME_NOT_SHARED


def test_requests_after_an_invalidation_do_not_wait_for_a_fetch_before_it() -> None:
    desk = Desk()
    before = desk.exchange()
    before.start(0.0)
    desk.cache.invalidate("E1", ("/a",))
    after, third = desk.exchange(), desk.exchange()
    assert isinstance(after.start(1.0), Fetch)
    assert isinstance(third.start(1.0), Join)
    finish(before, before.tell(answered(2.0, Cache_Control="max-age=60")), b"0123456789", 2.0)
    assert len(desk.cache.flights) == 1
    finish(after, after.tell(answered(2.0, Cache_Control="max-age=60")), b"0123456789", 2.0)
    assert isinstance(third.tell(Released(2.0)), Serve)


def test_who_waited_gets_what_is_still_arriving() -> None:
    desk = Desk()
    leader, follower = desk.exchange(), desk.exchange()
    leader.start(0.0)
    follower.start(0.0)
    relay = leader.tell(answered(1.0, Cache_Control="max-age=60"))
    assert isinstance(relay, Relay)
    served = follower.tell(Released(1.0))
    assert isinstance(served, Serve)
    assert served.entry is relay.entry
    assert served.outcome is Outcome.HIT
    assert follower.joined == "id"


def test_an_abandoned_leader_sets_the_others_free() -> None:
    desk = Desk()
    leader, follower = desk.exchange(), desk.exchange()
    leader.start(0.0)
    join = follower.start(0.0)
    leader.abandon()
    leader.abandon()
    assert isinstance(join, Join)
    assert join.flight.state is FlightState.ALONE
    assert isinstance(follower.tell(Released(0.5)), Fetch)
    assert desk.exchange().start(1.0) is not None
    assert len(desk.cache.under_way) == 2


def test_an_abandoned_exchange_that_never_began() -> None:
    Desk().exchange().abandon()


def test_start_comes_first() -> None:
    with pytest.raises(AssertionError):
        Desk().exchange().tell(Released(0.0))


@pytest.mark.parametrize("broken", [NotStored.TRUNCATED, NotStored.VIEWER_LEFT, NotStored.TOO_LARGE])
def test_what_broke_off_is_not_kept(broken: NotStored) -> None:
    desk = Desk()
    exchange = desk.exchange()
    exchange.start(0.0)
    finish(exchange, exchange.tell(answered(0.0, Cache_Control="max-age=60")), b"01", 0.0, broken)
    assert exchange.not_stored is broken
    assert len(desk.cache.store) == 0


def test_what_is_announced_too_large_is_not_begun() -> None:
    desk = Desk(largest=5)
    exchange = desk.exchange()
    exchange.start(0.0)
    relay = exchange.tell(answered(0.0, Cache_Control="max-age=60"))
    assert isinstance(relay, Relay)
    assert relay.entry is None
    assert exchange.not_stored is NotStored.TOO_LARGE


def test_parts_that_grow_too_large_leave() -> None:
    desk = Desk(largest=1_000)
    for first in (0, 400):
        body = bytes(400)
        exchange = desk.exchange(Range=f"bytes={first}-{first + 399}")
        assert isinstance(exchange.start(0.0), Fetch)
        place = f"bytes {first}-{first + 399}/5000"
        finish(exchange, exchange.tell(answered(0.0, body, 206, ETag='"1"', Content_Range=place)), body, 0.0)
    assert exchange.not_stored is NotStored.TOO_LARGE
    assert desk.cache.store.used == 0


def test_a_shareable_answer_ends_hit_for_miss() -> None:
    desk = Desk()
    alone = desk.exchange()
    alone.start(0.0)
    finish(alone, alone.tell(answered(0.0, Cache_Control="no-store")), b"0123456789", 0.0)
    again = desk.exchange()
    again.start(1.0)
    assert again.not_joined is NotJoined.HIT_FOR_MISS
    finish(again, again.tell(answered(1.0, Cache_Control="max-age=1")), b"0123456789", 1.0)
    leader, follower = desk.exchange(), desk.exchange()
    assert isinstance(leader.start(3.0), Fetch)
    assert isinstance(follower.start(3.0), Join)


def test_a_background_refresh_has_nothing_to_do() -> None:
    desk = Desk()
    assert isinstance(desk.exchange(background=True).start(0.0), Done)
    desk.fill()
    assert isinstance(desk.exchange(background=True).start(1.0), Done)
    busy = desk.exchange()
    busy.start(60.0)
    late = desk.exchange(background=True)
    assert isinstance(late.start(60.0), Done)
    assert late.forwarded is Forwarded.ONLY_REFRESH


def test_a_304_that_forbids_keeping_ends_the_entry() -> None:
    desk = Desk()
    desk.fill()
    exchange = desk.exchange()
    exchange.start(60.0)
    served = exchange.tell(answered(61.0, b"", 304, Cache_Control="no-store"))
    assert isinstance(served, Serve)
    assert exchange.not_stored is NotStored.NO_STORE
    assert len(desk.cache.store) == 0


def test_an_uncacheable_answer_drops_what_it_replaces() -> None:
    desk = Desk()
    desk.fill()
    exchange = desk.exchange()
    exchange.start(60.0)
    finish(exchange, exchange.tell(answered(61.0, Cache_Control="no-store")), b"0123456789", 61.0)
    assert len(desk.cache.store) == 0


def test_an_origin_that_sends_another_part_than_was_asked() -> None:
    desk = Desk()
    exchange = desk.exchange(Range="bytes=2-4")
    exchange.start(0.0)
    relay = exchange.tell(answered(0.0, b"89", 206, Content_Range="bytes 8-9/10"))
    assert isinstance(relay, Relay)
    assert type(relay.selection).__name__ == "Whole"


def test_failures_are_kept_with_their_page() -> None:
    desk = Desk()
    exchange = desk.exchange()
    exchange.start(0.0)
    refuse = exchange.tell(Failed(Failure(FailureKind.REFUSED), 0.0, b"page"))
    assert isinstance(refuse, Refuse)
    assert refuse.status == 502
    served = desk.exchange().start(5.0)
    assert isinstance(served, Serve)
    assert served.outcome is Outcome.ERROR
    assert served.entry.body.data == b"page"
    assert served.entry.generated


@pytest.mark.parametrize("status", [304, 412])
def test_answers_to_the_viewers_own_condition_are_never_kept(status: int) -> None:
    desk = Desk(profile=RFC9111)
    exchange = desk.exchange(If_Match='"x"')
    assert exchange.start(0.0) == Fetch(None, None, "GET")
    finish(exchange, exchange.tell(answered(0.0, b"", status, Cache_Control="max-age=60")), b"", 0.0)
    assert exchange.not_stored is NotStored.CONDITIONAL
    assert len(desk.cache.store) == 0


def test_head_and_the_stored_get_in_a_standard_cache() -> None:
    desk = Desk(profile=RFC9111)
    desk.fill(ETag='"1"', Cache_Control="max-age=60", Content_Length="10")

    def head(now: float, **headers: str) -> Exchange:
        exchange = desk.exchange(method="HEAD", Cache_Control="no-cache")
        assert isinstance(exchange.start(now), Fetch)
        relay = exchange.tell(answered(now, b"", **headers))
        if isinstance(relay, Relay):
            exchange.tell(Ended(now))
        return exchange

    head(30.0, ETag='"1"', Cache_Control="max-age=60", Content_Length="10")
    found = desk.exchange().start(80.0)
    assert isinstance(found, Serve)
    assert found.entry.body.data == b"0123456789"
    head(85.0, ETag='"2"', Cache_Control="max-age=60")
    assert isinstance(desk.exchange().start(86.0), Fetch)


def test_an_unsafe_request_outruns_a_fetch_under_way() -> None:
    desk = Desk(profile=RFC9111)
    slow = desk.exchange()
    slow.start(0.0)
    post = desk.exchange(method="POST")
    post.start(1.0)
    post.tell(answered(2.0, b""))
    post.tell(Ended(2.0))
    finish(slow, slow.tell(answered(3.0, Cache_Control="max-age=60")), b"0123456789", 3.0)
    assert slow.not_stored is NotStored.INVALIDATED
    desk.cache.sweep(desk.cache.store.names())
    desk.cache.swept(desk.cache.fences.now())
    assert len(desk.cache.fences) == 0


@given(st.integers(2, 30), st.sampled_from(["max-age=60", "max-age=0", "no-store", "private", "public"]))
def test_viewers_at_once_cost_one_fetch_or_one_each(count: int, control: str) -> None:
    edge = VirtualEdge(distribution(behavior(ttls=Ttls(0, 0, 100))))
    edge.says(headers={"Cache-Control": control})
    edge.origin.delay = 1.0
    seen = [edge.send("/a") for _ in range(count)]
    edge.settle()
    assert all(one.complete and one.body == b"one" for one in seen)
    assert edge.fetches in (1, count)
    assert [outcome(one) for one in seen].count("Miss") == edge.fetches


def viewers_leave(edge: VirtualEdge) -> None:
    edge.origin.delay = 1.0
    first = edge.send("/a", leaves_after=0.5)
    rest = [edge.send("/a") for _ in range(3)]
    edge.settle()
    assert not first.complete
    assert all(one.complete for one in rest)


def origin_breaks(edge: VirtualEdge) -> None:
    edge.says("0123456789", fail="truncated", headers=CACHE_IT)
    assert not edge.get("/a").complete
    edge.says("0123456789", headers=CACHE_IT)
    assert edge.get("/a").body == b"0123456789"


@pytest.mark.parametrize("play", [viewers_leave, origin_breaks])
def test_nobody_is_left_hanging(play: Callable[[VirtualEdge], None]) -> None:
    edge = VirtualEdge()
    play(edge)
    assert not edge.edge.under_way
    assert len(edge.edge.flights) == 0


def test_age_grows_with_the_clock_while_an_entry_lives() -> None:
    edge = VirtualEdge()
    edge.says(headers={"Cache-Control": "max-age=10, stale-while-revalidate=0"})
    edge.get("/a")
    ages = [int(edge.get("/a", at=second / 2).headers["Age"]) for second in range(20)]  # type: ignore[index]
    assert ages == [second // 2 for second in range(20)]


def test_a_refresh_that_fails_leaves_the_stale_copy() -> None:
    edge = VirtualEdge()
    edge.says("one", headers={"Cache-Control": "max-age=10, stale-while-revalidate=100"})
    edge.get("/a")
    edge.says(status=500)
    seen = edge.get("/a", at=20)
    assert seen.verdict is not None
    assert seen.verdict.stale is Stale.WHILE_REVALIDATE
    assert edge.get("/a", at=25).body == b"one"
    assert edge.fetches == 2


def test_who_waited_for_another_variant_asks_for_his_own() -> None:
    desk = Desk(profile=RFC9111)
    leader, follower = desk.exchange(X_L="de"), desk.exchange(X_L="en")
    leader.start(0.0)
    follower.start(0.0)
    leader.tell(answered(1.0, Cache_Control="max-age=60", Vary="X-L"))
    assert isinstance(follower.tell(Released(1.0)), Fetch)
    assert follower.not_joined is NotJoined.OUTCOME_NOT_SHARED


def test_who_waited_for_a_part_that_lacks_his_asks_for_his_own() -> None:
    desk = Desk()
    leader, follower = desk.exchange(Range="bytes=2-4"), desk.exchange(Range="bytes=5-7")
    leader.start(0.0)
    assert isinstance(follower.start(0.0), Join)
    leader.tell(answered(1.0, b"234", 206, ETag='"1"', Content_Range="bytes 2-4/10"))
    assert isinstance(follower.tell(Released(1.0)), Fetch)


def test_failures_where_nothing_is_ever_kept() -> None:
    desk = Desk(Ttls(0, 0, 0))
    exchange = desk.exchange()
    exchange.start(0.0)
    refuse = exchange.tell(Failed(Failure(FailureKind.READ_TIMEOUT), 0.0))
    assert refuse == Refuse(504, Failure(FailureKind.READ_TIMEOUT))
    assert exchange.not_stored is NotStored.ORIGIN_FAILED


def test_failures_in_a_standard_cache_are_not_kept() -> None:
    desk = Desk(profile=RFC9111)
    leader, follower = desk.exchange(), desk.exchange()
    leader.start(0.0)
    follower.start(0.0)
    assert isinstance(leader.tell(Failed(Failure(FailureKind.REFUSED), 0.0)), Refuse)
    assert isinstance(follower.tell(Released(0.0)), Fetch)
    assert len(desk.cache.store) == 0


def test_failures_with_an_error_ttl_of_0_are_not_kept() -> None:
    edge = VirtualEdge(distribution(errors={502: ErrorRule(502, 0)}))
    edge.says(fail="refused")
    for _ in range(2):
        seen = edge.get("/a")
        assert seen.status == 502
        assert seen.verdict is not None
        assert seen.verdict.not_stored is NotStored.ERROR_TTL_ZERO
    assert edge.fetches == 2


def test_a_range_the_stale_copy_lacks_cannot_be_served_stale() -> None:
    edge = VirtualEdge(distribution(behavior(range_block=0)))
    edge.says("0123456789", ranges=True, headers={"ETag": '"1"', "Cache-Control": "max-age=10"})
    edge.get("/a", headers={"Range": "bytes=0-4"})
    edge.says(status=500)
    assert edge.get("/a", at=20, headers={"Range": "bytes=0-4"}).status == 206
    edge.invalidate("/*")
    edge.says("0123456789", ranges=True, headers={"ETag": '"1"', "Cache-Control": "max-age=10"})
    edge.get("/a", at=50, headers={"Range": "bytes=0-4"})
    edge.says(status=500)
    assert edge.get("/a", at=70, headers={"Range": "bytes=5-9"}).status == 500
