"""The learned relay: requests that are only ever passed on, answered without parsing, policy or a task of their own.

Where nothing is stored, what the origin is sent depends on the bytes of the request, the viewer's address and the
World, and what the viewer gets on the bytes that the origin answers. So a head seen before, byte for byte, goes out as
the full path sent it then, under a new id; and an answer whose head was seen before, but for its Date, goes out with
the head that the full path made of it then. Whatever else comes of it (an answer never seen, 1xx, a body that is not
all there, a connection that fails) is handed over to the full path, which goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from multidict import CIMultiDict

from edgesim.core.behaviors import Origin
from edgesim.core.forwarding import CONDITIONS, wanted_cloudfront
from edgesim.core.origin_signing import signs
from edgesim.core.verdict import OriginTrip, Verdict
from edgesim.edge.ids import request_id
from edgesim.edge.learned import Lane, measured
from edgesim.edge.visit import Visit
from edgesim.observe.access_log import block_pieces, constant_pieces
from edgesim.observe.clock import Clock
from edgesim.observe.records import Hit
from edgesim.wire.client import OriginPool, OriginResponse
from edgesim.wire.flow import NEVER
from edgesim.wire.framing import encode_head
from edgesim.wire.grammar import keeps_alive
from edgesim.wire.later import Ahead, Later
from edgesim.wire.listener import Connection
from edgesim.wire.upstream import OriginConnection

MOST_HEARD = 8
"""Different answers that are kept for one request; with one more, all are learned anew."""

MOST_STRANGE = 16
"""Answers in a row that had to be handed over, before a request is no longer tried until two answers are alike."""

JOINED = 64 * 1024
"""Bodies up to this many bytes are copied behind their head: one write is cheaper than two."""

_NEVER = CONDITIONS | {"range", "upgrade", "expect", "transfer-encoding", "content-length"}
"""Header fields that make more of a request than one plain answer."""

_WITHOUT_BODY = frozenset({204, 206, 304})
"""Statuses below 400 that mean more than an answer and its body."""

_DATE = re.compile(rb"\r\nDate: ([A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT)\r\n")
_DATE_LENGTH = 29


class Heard:
    """An answer's head: what the viewer gets of it, around date and id, and the verdict of who got it first."""

    __slots__ = ("length", "network_ms", "pieces", "row", "template")

    def __init__(self, pieces: tuple[bytes, bytes, bytes], length: int, template: Verdict) -> None:
        self.pieces = pieces
        self.length = length
        self.template = template
        self.network_ms = sum(leg.ms for leg in template.legs)
        headers, logged = template.request.headers, template.cookies_logged
        self.row = (*constant_pieces(template), *block_pieces(headers, cookies_logged=logged))

    @property
    def size(self) -> int:
        """Bytes it keeps, roughly; the header lines are kept as text as well."""
        return 3 * sum(map(len, self.pieces)) + 2 * sum(map(len, self.row)) + 3_000


class Passage:
    """What is sent up for one request head, around its id, and the answers that were heard."""

    __slots__ = ("after", "before", "heard", "keepalive_s", "key", "last", "read_s", "strange")

    def __init__(self, origin: Origin, response: OriginResponse, before: bytes, after: bytes) -> None:
        self.key = response.key
        self.before = before
        self.after = after
        self.read_s = origin.response_timeout
        self.keepalive_s = origin.keepalive_timeout
        self.heard: dict[bytes, Heard] = {}
        self.strange = 0
        self.last = b""


class Passed:
    """One answer that was passed on, waiting to be recorded."""

    __slots__ = ("_date", "_heard", "_id", "_remote", "at", "bytes_in", "bytes_out", "ms", "port")

    def __init__(
        self,
        heard: Heard,
        errand: _Errand,
        date: bytes,
        at: float,
        ms: float,
        bytes_out: int,
    ) -> None:
        self._heard = heard
        self._id = errand.id
        self._date = date
        self._remote = errand.upstream.remote
        self.at = at
        self.port = errand.connection.peer[1]
        self.ms = ms
        self.bytes_in = len(errand.data)
        self.bytes_out = bytes_out

    @property
    def id(self) -> str:
        """The X-Amz-Cf-Id."""
        return self._id

    @property
    def template(self) -> Verdict:
        """The verdict of the answer that was learned from."""
        return self._heard.template

    @property
    def network_ms(self) -> float:
        """The modelled way from this viewer to the edge and on to the origin."""
        return self._heard.network_ms

    @property
    def row(self) -> tuple[str, ...]:
        """The constant pieces of its access log row."""
        return self._heard.row

    def verdict(self) -> Verdict:
        """The whole verdict, as the full path would have made it."""
        template = self._heard.template
        response, trip = template.response, template.origin
        if response is not None:
            headers = CIMultiDict(response.headers)
            headers["Date"] = self._date.decode()
            response = replace(response, headers=headers)
        return replace(
            template,
            id=self._id,
            at=self.at,
            visitor=replace(template.visitor, port=self.port),
            origin=self._trip(trip) if trip is not None else None,
            response=response,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            first_byte_ms=self.ms,
            total_ms=self.ms,
        )

    def _trip(self, trip: OriginTrip) -> OriginTrip:
        own = self._heard.template.id
        sent = tuple((name, self._id if value == own else value) for name, value in trip.sent)
        return replace(trip, address=f"{self._remote[0]}:{self._remote[1]}", first_byte_ms=self.ms, sent=sent)


class Relay:
    """Passes on what it has learned."""

    def __init__(self, pool: OriginPool, clock: Clock, record: Callable[[Hit], None]) -> None:
        self._pool = pool
        self._clock = clock
        self._record = record

    def __call__(self, data: bytes, connection: Connection, lane: Lane) -> bytes | None:
        """Nothing yet, as the answer comes later; ``None`` when the full path is to look at it."""
        passage = lane.passages.get(data)
        if passage is None or passage.strange >= MOST_STRANGE:
            return None
        upstream = self._pool.take_idle(passage.key)
        if upstream is None:
            return None
        errand = _Errand(self, connection, data, passage, upstream)
        upstream.begin("GET", passage.read_s, passage.keepalive_s, NEVER, None, upgrade=False, taker=errand.arrived)
        upstream.send(errand.head)
        return b""

    def answered(self, errand: _Errand, heard: Heard, date: bytes, body: bytes) -> None:
        """The origin's answer is there, whole and known."""
        now = monotonic()
        errand.upstream.free()
        self._pool.passed()
        before, between, after = heard.pieces
        head = b"%b%b%b%b%b" % (before, date, between, errand.id.encode(), after)
        ms = (now - errand.started) * 1000
        self._record(Passed(heard, errand, date, self._clock.now(), ms, len(head) + len(body)))
        errand.answer(head, body, JOINED)


class _Errand(Later):
    """One request on its way to its origin and back."""

    __slots__ = ("id", "passage", "relay", "upstream")

    def __init__(
        self, relay: Relay, connection: Connection, data: bytes, passage: Passage, upstream: OriginConnection
    ) -> None:
        super().__init__(connection, data, monotonic())
        self.relay = relay
        self.passage = passage
        self.upstream = upstream
        self.id = request_id()

    @property
    def head(self) -> bytes:
        """What the origin is sent."""
        return b"%b%b%b" % (self.passage.before, self.id.encode(), self.passage.after)

    def arrived(self, data: bytes) -> bool:
        """Take what the origin sent if it is an answer heard before, all of it; else hand the request over."""
        passage = self.passage
        end = data.find(b"\r\n\r\n") + 4
        date = _DATE.search(data, 0, end)
        if date is not None:
            at = date.start(1)
            heard = passage.heard.get(data[:at] + data[at + _DATE_LENGTH : end])
            if heard is not None and len(data) - end == heard.length and self.plain:
                passage.strange = 0
                self.relay.answered(self, heard, date[1], data[end:])
                return True
        passage.strange += 1
        self.hand_over(Ahead(self.id, self.head, self.upstream))
        return False


# Learning


def learn(visit: Visit, verdict: Verdict, passages: dict[bytes, Passage]) -> int:
    """Remember how the full path has just passed on a plain request. The bytes that are kept more than before."""
    raw, origin = visit.incoming.raw_head, _origin(visit)
    response = visit.hop.from_origin if visit.hop is not None else None
    if raw is None or origin is None or response is None:
        return 0
    passage, size = passages.get(raw), 0
    if passage is None:
        before, there, after = response.asked.partition(visit.id.encode())
        if not there or visit.id.encode() in after:
            return 0
        passage = Passage(origin, response, before, after)
        size = 3 * (len(raw) + len(response.asked)) + 1_000
    date = _DATE.search(response.head)
    if date is None:
        return 0
    name = response.head[: date.start(1)] + response.head[date.end(1) :]
    if passage.strange >= MOST_STRANGE:
        again, passage.last = name == passage.last, name
        if not again:
            return 0
        passage.strange = 0
    pieces = _pieces(visit, date[0])
    if pieces is None or name in passage.heard:
        return 0
    passages[raw] = passage
    if len(passage.heard) >= MOST_HEARD:
        passage.heard.clear()
    heard = passage.heard[name] = Heard(pieces, len(response.whole or b""), verdict)
    return size + len(name) + heard.size


def _pieces(visit: Visit, date: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The head that the viewer got, around its Date and its id; ``None`` unless each is there once."""
    framed = _head(visit)
    id = visit.id.encode()
    if framed is None or framed.count(date) != 1 or framed.count(id) != 1:
        return None
    before, _, rest = framed.partition(date)
    between, there, after = rest.partition(id)
    return (before + b"\r\nDate: ", b"\r\n" + between, after) if there else None


def _head(visit: Visit) -> bytes | None:
    """The head as it went out; ``None`` where the framing is not the plain one."""
    if visit.learnable is None:
        return None
    reason, headers = visit.learnable
    if not measured(headers) or any(name.lower() in ("connection", "transfer-encoding") for name, _ in headers):
        return None
    return encode_head(f"HTTP/1.1 {visit.reply.status} {reason}", headers, "Connection: keep-alive\r\n")


def _origin(visit: Visit) -> Origin | None:
    """The one origin there is to ask."""
    if visit.distribution is None or visit.behavior is None:
        return None
    return visit.distribution.origins.get(visit.behavior.origin)


def plain(visit: Visit, now: float) -> bool:
    """Whether the same bytes would go the same way again, and the same answer come out."""
    world, hop, origin = visit.world, visit.hop, _origin(visit)
    if hop is None or visit.behavior is None or origin is None or origin.completion_timeout is not None:
        return False
    if signs(origin.access):
        return False  # each signature is of its time
    if visit.behavior.trusted_keys is not None:
        return False  # each request is checked: a signature expires
    response = hop.from_origin
    if response is None or not _repeatable(response) or visit.reply.status != response.status:
        return False
    if world.faults or world.spreading(now) or world.latency.mode == "real" or world.latency.jitter:
        return False
    if visit.behavior.caching or hop.above is not None or hop.failure is not None or hop.encoding:
        return False
    policy = visit.behavior.response_headers
    if wanted_cloudfront(visit.behavior) or (policy is not None and policy.server_timing is not None):
        return False
    if visit.replaced_status or visit.reply.close or visit.deployment is not None:
        return False
    if hop.trip is None or hop.trip.attempts != 1:
        return False
    request = visit.request
    if request.method != "GET" or request.version != (1, 1) or not request.target.startswith("/"):
        return False
    return not any(name.lower() in _NEVER for name in request.headers)


def _repeatable(response: OriginResponse) -> bool:
    """Whether an answer is plain: measured, whole at once, over a kept connection that it leaves alive."""
    if not response.reused or response.retried or not keeps_alive(response.version, response.headers):
        return False
    if response.length is None or response.whole is None:
        return False
    return 200 <= response.status < 400 and response.status not in _WITHOUT_BODY
