"""One request at one cache, as a machine of steps (ARCHITECTURE rule 1).

The driver calls :meth:`Exchange.start`, acts on the step it gets, and tells what happened with :meth:`Exchange.tell`
until the step is final. Nothing here waits, reads a clock or touches a socket: every event carries its time.

    start ──▶ Serve                         answered from the store
          ├─▶ Join ──(Released)──▶ Serve | Fetch     another fetch is on its way
          ├─▶ Fetch ──(Answered)─▶ Serve             the origin said 304, or failed and a stale copy serves
          │         │            └▶ Relay ──(Ended)─▶ Done
          │         └─(Failed)───▶ Serve | Refuse
          └─▶ Refuse                        only-if-cached with nothing stored
"""

from __future__ import annotations

from collections.abc import Generator

from edgesim.core.behaviors import GET_HEAD
from edgesim.core.bodies import Body
from edgesim.core.cache import Cache
from edgesim.core.delivery import Selection, Whole, select, select_arriving
from edgesim.core.flights import Flight, FlightState
from edgesim.core.freshness import Lifetime
from edgesim.core.keeping import Keeping, shareable
from edgesim.core.messages import Field, Headers, Response, listed
from edgesim.core.profiles import failure_status
from edgesim.core.ranges import parse_range
from edgesim.core.reasons import Forwarded, LifetimeRule, NotJoined, NotStale, NotStored, Outcome, Stale
from edgesim.core.reuse import (
    cookies_forwarded,
    judge,
    refreshed,
    refusal,
    request_directives,
    stale_on_error,
    stale_while_refreshing,
)
from edgesim.core.steps import Answered, Ask, Done, Ended, Event, Failed, Fetch, Join, Refuse, Relay, Serve, Step
from edgesim.core.store import Entry
from edgesim.core.validation import is_conditional, validators

NO_LIFETIME = Lifetime(0, LifetimeRule.NONE)

_Steps = Generator[Step, Event, Step]


class Exchange(Keeping):
    """The machine for one request at one cache. The attributes record every decision, for the verdict."""

    def __init__(self, cache: Cache, ask: Ask) -> None:
        super().__init__(cache, ask)
        self.final = False
        self._steps: _Steps | None = None

    def start(self, now: float) -> Step:
        """The first step at time ``now``."""
        self._steps = self._run(now)
        return self._advance(None)

    def tell(self, event: Event) -> Step:
        """The next step after an event."""
        return self._advance(event)

    def abandon(self) -> None:
        """The driver gives up, as its viewer left before an answer: followers go on without it."""
        if self._steps is not None:
            self._steps.close()
        self._land()

    def _advance(self, event: Event | None) -> Step:
        assert self._steps is not None, "start() comes first"
        try:
            return self._steps.send(event) if event is not None else next(self._steps)
        except StopIteration as stop:
            self.final = True
            self._land()
            step: Step = stop.value
            return step

    # The way of a request

    def _run(self, now: float) -> _Steps:
        ask = self.ask
        bypass = self._bypass()
        if bypass is not None:
            self.forwarded = bypass
            self.not_joined = NotJoined.METHOD if bypass is Forwarded.METHOD else NotJoined.CACHING_DISABLED
            return (yield from self._pass_on())
        if ask.request.method == "GET" and "Range" in ask.request.headers:
            self._asked = parse_range(listed(ask.request.headers, "Range"))
        entry = self._find(now)
        if ask.background:
            self.forwarded = Forwarded.ONLY_REFRESH
            return (yield from self._refresh_behind(entry, now))
        ready = self._from_store(entry, now)
        if ready is not None:
            return ready
        if self._only_if_cached():
            return Refuse(504, None)
        return (yield from self._join_or_fetch(entry, now))

    def _bypass(self) -> Forwarded | None:
        behavior, method = self.ask.behavior, self.ask.request.method
        if not behavior.caching:
            disabled = behavior.policy.ttls.disabled
            return Forwarded.CACHING_DISABLED if disabled else Forwarded.ALL_HEADERS_FORWARDED
        cached = behavior.cached_methods if self.profile.policy_ttls else GET_HEAD
        return None if method in cached else Forwarded.METHOD

    def _find(self, now: float) -> Entry | None:
        """The stored answer and why it will not do; a HEAD may also be answered by an earlier HEAD's answer."""
        ask = self.ask
        found = self.cache.find(ask.key, ask.request)
        usable = found.entry is not None and found.entry.fresh(now)
        if not usable and ask.request.method == "HEAD" and self.profile.policy_ttls:
            own = self.cache.find(self._store_key(), ask.request)
            if found.entry is None or (own.entry is not None and own.entry.fresh(now)):
                found = own
        self.freshness, self.forwarded = judge(self.profile, found.entry, found.variants, ask.request, now)
        return found.entry

    def _from_store(self, entry: Entry | None, now: float) -> Serve | None:
        if entry is None:
            return None
        selection = select(entry, self.ask.request, self._asked)
        if selection is None:
            self.forwarded = Forwarded.PARTIAL
            return None
        if self.forwarded is None:
            entry.hits += 1
            self.stale = None if entry.fresh(now) else Stale.REQUEST_ALLOWS
            return Serve(entry, selection, Outcome.ERROR if entry.error else Outcome.HIT, self.stale)
        if self.forwarded is Forwarded.EXPIRED and not entry.error:
            return self._stale_at_once(entry, selection, now)
        return None

    def _stale_at_once(self, entry: Entry, selection: Selection, now: float) -> Serve | None:
        """A stale answer that asks no origin first: inside an error window, or while a refresh runs behind it."""
        if now < entry.quiet_until and now < entry.stale_until:
            self.stale = Stale.ERROR_WINDOW
            entry.hits += 1
            return Serve(entry, selection, self._stale_outcome(), self.stale)
        if self.ask.wants_fresh or not stale_while_refreshing(self.profile, entry, self.ask.request, now):
            return None
        self.stale = Stale.WHILE_REVALIDATE
        entry.hits += 1
        flying = self.cache.flights.get(self._flight_name()) is not None
        return Serve(entry, selection, self._stale_outcome(), self.stale, refresh=not flying)

    def _stale_outcome(self) -> Outcome:
        return Outcome(self.profile.stale_outcome)

    def _only_if_cached(self) -> bool:
        return self.profile.request_directives and "only-if-cached" in request_directives(self.ask.request.headers)

    # Collapsing

    def _join_or_fetch(self, entry: Entry | None, now: float) -> _Steps:
        self.not_joined = self._why_not_collapse(entry, now)
        if self.not_joined is not None:
            return (yield from self._fetch(entry))
        flight = self.cache.flights.get(self._flight_name())
        if flight is None or not self._still_wanted(flight):
            self.not_joined = NotJoined.NONE_IN_FLIGHT
            self._lead()
            return (yield from self._fetch(entry))
        flight.followers += 1
        self.waited = True
        yield Join(flight)
        shared = self._from_flight(flight)
        if shared is not None:
            self.joined = flight.leader
            return shared
        self.not_joined = NotJoined.OUTCOME_NOT_SHARED
        return (yield from self._fetch(entry))

    def _still_wanted(self, flight: Flight) -> bool:
        """False for a fetch that an invalidation has overtaken: its answer would be shared with nobody."""
        key = self.ask.key
        return self.cache.fences.passed(key.distribution, key.uri, flight.sequence)

    def _from_flight(self, flight: Flight) -> Serve | None:
        shared = flight.entry
        if flight.state is not FlightState.SHARED or shared is None:
            return None
        if not self.cache.fences.holds(shared) or not self.cache.store.matches(shared, self.ask.request):
            return None
        selection = select(shared, self.ask.request, self._asked)
        if selection is None:
            return None
        shared.hits += 1
        return Serve(shared, selection, Outcome.ERROR if shared.error else Outcome.HIT)

    def _why_not_collapse(self, entry: Entry | None, now: float) -> NotJoined | None:
        headers = self.ask.request.headers
        if self.profile.policy_ttls and cookies_forwarded(self.ask.behavior):
            return NotJoined.COOKIES_FORWARDED
        if entry is None and self._passes_conditions() and self._asks_for_itself(headers):
            return NotJoined.CONDITIONAL
        if self.profile.request_directives and request_directives(headers):
            return NotJoined.CONDITIONAL
        if self.cache.flights.expected_alone(self._flight_name(), now):
            return NotJoined.HIT_FOR_MISS
        return None

    def _asks_for_itself(self, headers: Headers) -> bool:
        """An answer to the viewer's own condition, or to his own range as he wrote it, is for nobody else."""
        return is_conditional(headers) or (self._asked is not None and self.profile.transparent)

    def _refresh_behind(self, entry: Entry | None, now: float) -> _Steps:
        if entry is None or entry.fresh(now) or self.cache.flights.get(self._flight_name()) is not None:
            return Done()
        self._lead()
        return (yield from self._fetch(entry))

    # Fetching

    def _fetch(self, entry: Entry | None) -> _Steps:
        if entry is not None and not self.cache.fences.holds(entry):
            entry = None  # an invalidation came while this request waited for another one
        self._token = self.cache.begin()
        self.asked_upstream = True
        conditions = self._conditions(entry)
        if entry is None and self._passes_conditions():
            self._own_conditions = True
            event = yield Fetch(None, self._range_to_send(), self._method_to_send())
        else:
            event = yield self._fetch_step(conditions)
        if isinstance(event, Failed):
            return self._failed(entry, event)
        assert isinstance(event, Answered)
        if event.response.status == 304 and conditions and entry is not None:
            return self._not_modified(entry, event)
        if event.response.status >= 500 and entry is not None:
            stale = self._stale_on_error(entry, event.now, event.response.status, unreachable=False)
            if stale is not None:
                return stale
        elif event.response.status >= 400 and entry is not None:
            self.not_stale = NotStale.NOT_A_SERVER_ERROR
        return (yield from self._take(entry, event))

    def _passes_conditions(self) -> bool:
        """Whether the viewer's own conditions go up when nothing is stored (spec §1.4 for legacy settings, §2.2)."""
        return self.profile.transparent or self.ask.behavior.policy.legacy or self.profile.forwards_conditions

    def _fetch_step(self, conditions: list[Field]) -> Fetch:
        """The viewer's If-Range goes with his range: only whoever has the object can tell whether it holds."""
        part = None if conditions else self._range_to_send()
        held = None if part is None else self.ask.request.headers.get("If-Range")
        return Fetch(tuple(conditions) if held is None else (("If-Range", held),), part, self._method_to_send())

    def _method_to_send(self) -> str:
        """A HEAD goes up as it is, unless a miss is to fetch the whole object (spec §3.1 [sim])."""
        method = self.ask.request.method
        return "GET" if method == "HEAD" and self.profile.head_miss_gets else method

    def _conditions(self, entry: Entry | None) -> list[Field]:
        if entry is None or entry.error or entry.parts is not None or entry.refetch:
            return []
        if self.profile.cookies_disable_validation and cookies_forwarded(self.ask.behavior):
            return []
        return validators(entry.headers)

    def _not_modified(self, entry: Entry, event: Answered) -> Serve:
        self.validated = True
        renewed = refreshed(self.ask, entry, event, self._sequence())
        if isinstance(renewed, NotStored):
            self.not_stored = renewed
            self.cache.store.drop(entry)
            self._alone(event.now)
            renewed = entry
        else:
            self._renew(entry, renewed, event.now)
        selection = select(renewed, self.ask.request, self._asked) or Whole()
        return Serve(renewed, selection, Outcome.ERROR if renewed.error else Outcome.REFRESH_HIT)

    def _stale_on_error(self, entry: Entry, now: float, status: int, *, unreachable: bool) -> Serve | None:
        if not self.cache.fences.holds(entry):
            self.not_stale = NotStale.NOTHING_STORED
            return None
        allowed = stale_on_error(self.profile, entry, self.ask.behavior, now, unreachable=unreachable)
        if isinstance(allowed, NotStale):
            self.not_stale = allowed
            return None
        selection = select(entry, self.ask.request, self._asked)
        if selection is None:
            return None
        self.stale = allowed
        entry.hits += 1
        if self.profile.error_caching:
            entry.quiet_until = now + self.ask.distribution.error_min_ttl(status)
        if self._flight is not None:
            self._flight.share(entry)
        return Serve(entry, selection, self._stale_outcome(), allowed)

    def _failed(self, entry: Entry | None, event: Failed) -> Step:
        status = failure_status(self.profile, event.failure.kind)
        self.not_stored, self.not_stale = NotStored.ORIGIN_FAILED, NotStale.NOTHING_STORED
        if entry is not None:
            stale = self._stale_on_error(entry, event.now, status, unreachable=True)
            if stale is not None:
                return stale
        if self.profile.error_caching:
            self._keep_failure(status, event)
        if not self.stored:
            self._alone(event.now)
        return Refuse(status, event.failure)

    # Taking an answer in

    def _take(self, entry: Entry | None, event: Answered) -> _Steps:
        response = event.response
        if self.ask.request.method == "HEAD" and self.profile.head_updates:
            self._head_updates(event)
        made = self._new_entry(event)
        if isinstance(made, NotStored):
            self.not_stored = made
            if entry is not None and (response.status < 400 or response.status in (404, 410)):
                self._drop_replaced(entry, response)
            self._alone(event.now)
        elif shareable(made):
            self.cache.flights.forget_alone(self._flight_name())
            if self._flight is not None:
                self._flight.share(made)
        else:
            self._alone(event.now)
        kept = made if isinstance(made, Entry) else None
        self.storing = kept is not None
        outcome = Outcome.ERROR if response.status >= 400 else Outcome.MISS
        ended = yield Relay(response, self._relay_selection(response, event.now), kept, outcome)
        assert isinstance(ended, Ended)
        return self._finish(kept, ended) if kept is not None else Done()

    def _relay_selection(self, response: Response, now: float) -> Selection:
        """The viewer's own conditions and range, where they were not passed on for the origin to answer."""
        if self._own_conditions and (self.profile.transparent or response.status == 304):
            return Whole()
        arriving = Entry(
            self.ask.key, response.status, "", response.headers, Body(), now, NO_LIFETIME, total=response.length
        )
        return select_arriving(arriving, self.ask.request, self._asked)

    # Passing on what is never answered from the store

    def _pass_on(self) -> _Steps:
        self.asked_upstream = True
        event = yield Fetch(None, listed(self.ask.request.headers, "Range"), self.ask.request.method)
        if isinstance(event, Failed):
            self.not_stored, self.not_stale = NotStored.ORIGIN_FAILED, NotStale.NOTHING_STORED
            return Refuse(failure_status(self.profile, event.failure.kind), event.failure)
        assert isinstance(event, Answered)
        self.not_stored = refusal(self.ask, event.response) or NotStored.METHOD
        self._after_unsafe(event.response)
        yield Relay(event.response, Whole(), None, Outcome.ERROR if event.response.status >= 400 else Outcome.MISS)
        return Done()
