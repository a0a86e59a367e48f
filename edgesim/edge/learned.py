"""What the fast path has learned: prepared answers, blocks of header lines, and what may be learned at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import ref

from multidict import CIMultiDict

from edgesim.core.behaviors import Behavior, Distribution
from edgesim.core.cache import Cache
from edgesim.core.encoding import accepted
from edgesim.core.entrance import Routed
from edgesim.core.fences import Fences
from edgesim.core.forwarding import wanted_cloudfront
from edgesim.core.messages import Field, Headers, listed
from edgesim.core.policies import Take
from edgesim.core.store import Entry
from edgesim.core.verdict import Leg, Verdict
from edgesim.edge.visit import Visit
from edgesim.observe.access_log import block_pieces, constant_pieces
from edgesim.wire.framing import LAST_CHUNK, chunk, encode_head

if TYPE_CHECKING:
    from edgesim.edge.passing import Passage

NO_HEADERS: Headers = CIMultiDict()

_ID, _AGE, _TTL = "@edgesim-id@", "@edgesim-age@", "@edgesim-ttl@"


class FastHit:
    """One answer of the fast path, waiting to be recorded."""

    __slots__ = ("_id", "at", "block", "bytes_in", "bytes_out", "ms", "port", "told")

    def __init__(
        self,
        told: Told,
        block: Block,
        id: bytes,
        at: float,
        port: int,
        ms: float,
        bytes_in: int,
        bytes_out: int,
    ) -> None:
        self.told = told
        self.block = block
        self._id = id
        self.at = at
        self.port = port
        self.ms = ms
        self.bytes_in = bytes_in
        self.bytes_out = bytes_out

    @property
    def id(self) -> str:
        """The X-Amz-Cf-Id."""
        return self._id.decode()

    @property
    def template(self) -> Verdict:
        """The verdict of the hit that was learned from."""
        return self.told.template

    @property
    def network_ms(self) -> float:
        """The modelled way between this viewer and the edge."""
        return self.block.leg.ms

    @property
    def row(self) -> tuple[str, ...]:
        """The constant pieces of the access log row: three of the object's, three of the viewer's."""
        return (*self.told.row, *self.block.row)

    def verdict(self) -> Verdict:
        """The whole verdict, as the full path would have made it."""
        block, template = self.block, self.told.template
        age = max(0.0, self.told.initial_age + self.at - self.told.received)
        freshness = template.freshness
        return replace(
            template,
            id=self.id,
            at=self.at,
            request=replace(template.request, headers=block.headers),
            visitor=block.routed_from(self.port).visitor,
            legs=(block.leg,),
            freshness=replace(freshness, age=age) if freshness is not None else None,
            age=float(int(age)),
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            first_byte_ms=self.ms,
            total_ms=self.ms,
        )


class Told:
    """What records of an answer need to know; no body, as they are kept longer than it may be."""

    __slots__ = ("initial_age", "received", "row", "template")

    def __init__(self, entry: Entry, template: Verdict) -> None:
        self.initial_age = entry.initial_age
        self.received = entry.received
        self.template = replace(template, request=replace(template.request, headers=NO_HEADERS))
        self.row = constant_pieces(template)


class Prepared:
    """The answer for one target: its pieces, and what has to hold for it to be given.

    It does not keep its entry: what a cache has let go of is gone. ``body`` is ``None`` where the entry's own goes out.
    """

    __slots__ = (
        "age",
        "body",
        "cache",
        "entry",
        "fences",
        "name",
        "pieces",
        "sequence",
        "size",
        "told",
        "until",
    )

    def __init__(
        self, cache: Cache, entry: Entry, pieces: tuple[bytes, ...], body: bytes | None, template: Verdict
    ) -> None:
        self.cache = cache
        self.entry = ref(entry)
        self.fences: Fences = cache.fences
        self.sequence = cache.fences.sequence
        self.name = entry.key.text + entry.variant
        self.until = entry.expires
        self.pieces = pieces
        self.body = body
        self.told = Told(entry, template)
        texts = (template.request.target, template.key, *self.told.row)
        self.size = sum(map(len, pieces)) + 2 * sum(map(len, texts)) + len(self.name) + len(body or b"") + 3_000


class Block:
    """A block of header lines: the viewer and the edge it leads to, and the table of targets it shares.

    All of it holds in ``world`` only. ``waits`` says that the time of the viewer's way passes before he is answered.
    """

    __slots__ = ("distribution", "headers", "leg", "routed", "row", "targets", "waits", "world")

    def __init__(self, visit: Visit, targets: dict[bytes, Prepared]) -> None:
        latency, routed = visit.world.latency, visit.routed
        self.world = visit.world
        self.distribution = visit.distribution
        self.headers = visit.request.headers
        self.routed = routed
        self.leg = Leg(routed.visitor.place or "viewer", routed.pop, routed.rtt_ms * latency.scale)
        self.waits = latency.mode == "real" and self.leg.ms > 0
        self.targets = targets
        logged = visit.distribution is not None and visit.distribution.log_cookies
        self.row = block_pieces(self.headers, cookies_logged=logged)

    def routed_from(self, port: int) -> Routed:
        """Whose request one is that came from this port, and where it goes."""
        return replace(self.routed, visitor=replace(self.routed.visitor, port=port))


class Lane:
    """Connections between which a request means the same: same viewer address, listener, scheme and TLS."""

    __slots__ = ("blocks", "kinds", "passages")

    def __init__(self) -> None:
        self.blocks: dict[bytes, Block] = {}
        self.kinds: dict[object, dict[bytes, Prepared]] = {}
        self.passages: dict[bytes, Passage] = {}


def dated(entry: Entry, behavior: Behavior) -> bool:
    """The answer's Date is the entry's own; else it would be the time of each answer."""
    policy = behavior.response_headers
    return "Date" in entry.headers and (policy is None or all(name.lower() != "date" for name in policy.remove))


def independent(distribution: Distribution) -> bool:
    """No behaviour's answers depend on the viewer's country, on chance, or on facts about his connection."""
    if distribution.geo_block or distribution.geo_allow is not None:
        return False
    for behavior in distribution.behaviors:
        policy = behavior.response_headers
        if wanted_cloudfront(behavior) or (policy is not None and policy.server_timing is not None):
            return False
    return True


def kind_of(distribution: Distribution, visit: Visit) -> object:
    """What of a block of header lines can make a difference to a key or an answer of this distribution."""
    headers = visit.request.headers
    names: set[str] = set()
    cookies = cors = False
    for behavior in distribution.behaviors:
        policy = behavior.policy
        names.update(name.lower() for name in policy.headers.names)
        cookies = cookies or policy.cookies.take is not Take.NONE
        cors = cors or (behavior.response_headers is not None and behavior.response_headers.cors is not None)
    values = tuple((name, listed(headers, name)) for name in sorted(names))
    codings = accepted(listed(headers, "Accept-Encoding"), distribution.behaviors[-1].profile.q_zero_accepts)
    return (
        distribution.id,
        visit.routed.pop,
        values,
        tuple(headers.getall("Cookie", ())) if cookies else None,
        headers.get("Origin") if cors else None,
        codings & {"gzip", "br"},
    )


def measured(headers: list[Field]) -> bool:
    """Whether there is a Content-Length."""
    return any([len(name) == 14 and name.lower() == "content-length" for name, _ in headers])  # noqa: C419 - quicker


def framed(data: bytes) -> bytes:
    return (chunk(data) if data else b"") + LAST_CHUNK


def head_pieces(status: int, reason: str, headers: list[Field], id: str) -> tuple[bytes, ...] | None:
    """The head's bytes around the id, the age and the remaining lifetime; ``None`` unless each is there once."""
    marked: list[Field] = []
    for name, value in headers:
        low = name.lower()
        if low in ("connection", "transfer-encoding"):  # of a response headers policy: the framing is not its business
            return None
        if low == "x-amz-cf-id" and value == id:
            marked.append((name, _ID))
        elif low == "age":
            marked.append((name, _AGE))
        elif low == "cache-status" and "; ttl=" in value:
            marked.append((name, value[: value.rindex("; ttl=") + 6] + _TTL))
        else:
            marked.append((name, value))
    framing = ("" if measured(headers) else "Transfer-Encoding: chunked\r\n") + "Connection: keep-alive\r\n"
    text = encode_head(f"HTTP/1.1 {status} {reason}", marked, framing)
    if any(text.count(mark.encode()) != 1 for mark in (_ID, _AGE, _TTL)):  # an origin may write such a mark itself
        return None
    found: list[bytes] = []
    for mark in (_ID, _AGE, _TTL):
        before, there, text = text.partition(mark.encode())
        if not there:
            return None
        found.append(before)
    return (*found, text)
