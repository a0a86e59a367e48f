"""The store's side of an exchange: what is kept of an answer, what that ends, and who may share it."""

from __future__ import annotations

from multidict import CIMultiDict

from edgesim.core.cache import Cache
from edgesim.core.combining import combined, head_contradicts
from edgesim.core.flights import Flight, FlightState
from edgesim.core.keys import Key, related_key
from edgesim.core.messages import SAFE_METHODS, Response, listed
from edgesim.core.ranges import Asked, enlarged, in_order
from edgesim.core.reasons import Forwarded, NotJoined, NotStale, NotStored, Stale
from edgesim.core.reuse import (
    Freshness,
    make_entry,
    refreshed,
    refusal,
)
from edgesim.core.steps import Answered, Ask, Done, Ended, Failed
from edgesim.core.store import Entry

GENERATED_TYPE = "text/html"
HEAD_MARK = "\x1fHEAD"


class Keeping:
    """One exchange's dealings with its cache. The attributes record every decision, for the verdict."""

    forwarded: Forwarded | None = None
    not_stored: NotStored | None = None
    not_joined: NotJoined | None = None
    not_stale: NotStale | None = None
    stale: Stale | None = None
    freshness: Freshness | None = None
    joined: str | None = None
    storing = False
    stored = False
    asked_upstream = False
    waited = False
    validated = False
    _asked: list[Asked] | None = None
    _own_conditions = False
    _flight: Flight | None = None
    _token: int | None = None

    def __init__(self, cache: Cache, ask: Ask) -> None:
        self.cache = cache
        self.ask = ask
        self.profile = ask.behavior.profile

    def _land(self) -> None:
        if self._flight is not None:
            flight, self._flight = self._flight, None
            self.cache.flights.land(flight)
        if self._token is not None:
            self.cache.end(self._token)
            self._token = None

    def _sequence(self) -> int:
        assert self._token is not None, "a fetch has begun"
        return self.cache.under_way[self._token]

    def _store_key(self) -> Key:
        key = self.ask.key
        return (
            key
            if self.ask.request.method != "HEAD" or self.profile.head_miss_gets
            else Key(key.text + HEAD_MARK, key.uri, key.distribution)
        )

    def _flight_name(self) -> str:
        name = self._store_key().text
        return name if self._asked is None else f"{name}\x1f{self._range_to_send()}"

    def _range_to_send(self) -> str | None:
        if self._asked is None:
            return None
        if self.profile.transparent or (len(self._asked) > 1 and in_order(self._asked)):
            return listed(self.ask.request.headers, "Range")
        if len(self._asked) > 1:
            return None  # CloudFront answers ranges in disorder with the whole object
        return enlarged(self._asked[0], self.ask.behavior.range_block)

    def _lead(self) -> None:
        self._flight = self.cache.flights.lead(self._flight_name(), self.ask.id, self.cache.fences.now())

    def _alone(self, now: float) -> None:
        if self._flight is not None and self._flight.state is FlightState.UNDECIDED:
            self.cache.flights.remember_alone(self._flight.name, now + self.cache.switches.hit_for_miss)
            self._flight.fan_out()

    def _new_entry(self, event: Answered) -> Entry | NotStored:
        if self._own_conditions and event.response.status in (304, 412):
            return NotStored.CONDITIONAL
        why = refusal(self.ask, event.response)
        if why is not None:
            return why
        if event.response.length is not None and event.response.length > self.cache.store.largest:
            return NotStored.TOO_LARGE
        made = make_entry(self.ask, self._store_key(), event, self._sequence())
        return NotStored.ERROR_TTL_ZERO if made.error and made.lifetime.seconds <= 0 else made

    def _finish(self, made: Entry, ended: Ended) -> Done:
        if ended.broken is not None:
            self.not_stored = ended.broken
            return Done()
        if not self.cache.fences.holds(made):
            self.not_stored = NotStored.INVALIDATED
            return Done()
        if made.total is None:
            made.total = made.body.size
        return self._keep(made)

    def _keep(self, made: Entry) -> Done:
        kept: Entry | NotStored = made
        if made.status == 206:
            kept = combined(made, self.cache.find(self.ask.key, self.ask.request).entry)
        if isinstance(kept, NotStored):
            self.not_stored = kept
            return Done()
        put = self.cache.store.put(kept)
        self.stored = put.kept
        self.not_stored = None if put.kept else NotStored.TOO_LARGE
        return Done(put.evicted)

    def _renew(self, entry: Entry, renewed: Entry, now: float) -> None:
        if self.cache.fences.holds(renewed):
            self.stored = self.storing = self.cache.store.put(renewed).kept
        else:
            self.not_stored = NotStored.INVALIDATED
            self.cache.store.drop(entry)
        if shareable(renewed) and self._flight is not None:
            self._flight.share(renewed)
        else:
            self._alone(now)

    def _keep_failure(self, status: int, event: Failed) -> None:
        """A 502 or 504 made here is cached like an error from the origin (spec §5.1)."""
        headers = CIMultiDict([("Content-Type", GENERATED_TYPE), ("Content-Length", str(len(event.page)))])
        answer = Answered(Response(status, headers, "", len(event.page)), event.now, event.now)
        entry = self._new_entry(answer)
        if isinstance(entry, NotStored):
            self.not_stored = entry
            return
        entry.generated = True
        entry.body.append(event.page)
        entry.body.finish()
        self._keep(entry)
        if self._flight is not None:
            self._flight.share(entry)

    def _drop_replaced(self, entry: Entry, response: Response) -> None:
        if response.status not in (206, 304) and self.ask.request.method == "GET":
            self.cache.store.drop(entry)

    def _head_updates(self, event: Answered) -> None:
        """What a HEAD answer says about the stored GET answer: it freshens it or ends it (RFC 9111 §4.3.5)."""
        stored = self.cache.find(self.ask.key, self.ask.request).entry
        if stored is None or event.response.status != 200:
            return
        if head_contradicts(stored, event.response):
            self.cache.store.drop(stored)
            return
        renewed = refreshed(self.ask, stored, event, self._sequence())
        if isinstance(renewed, Entry):
            self.cache.store.put(renewed)

    def _after_unsafe(self, response: Response) -> None:
        """A successful unsafe request ends what is stored for its URI and the places it names (RFC 9111 §4.4)."""
        request, own = self.ask.request, self.ask.key
        if not self.profile.unsafe_invalidates or request.method in SAFE_METHODS or not 200 <= response.status < 400:
            return
        named = [response.headers.get(name) for name in ("Location", "Content-Location")]
        related = [related_key(self.ask.distribution, request, value) for value in named if value is not None]
        for key in (own, *related):
            if key is not None:
                self.cache.forget(key)


def shareable(entry: Entry) -> bool:
    """Whether others may have an answer without asking: it is fresh as it comes."""
    return not entry.refetch and not entry.must_validate and entry.lifetime.seconds > entry.initial_age
