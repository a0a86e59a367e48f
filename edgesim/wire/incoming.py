"""What the listener tells about a viewer: a request, a refusal, and the ways a viewer fails us."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from edgesim.errors import ClientError, EdgesimError
from edgesim.wire.body import Body
from edgesim.wire.grammar import Headers, Malformation

if TYPE_CHECKING:
    from edgesim.wire.later import Ahead


class BodyFault(Enum):
    """Why a viewer's request body could not be read to its end."""

    ENDED = "the viewer closed the connection before the end of its request body"
    TIMEOUT = "the viewer sent no more of its request body in time"
    CHUNKING = "the chunked request body is malformed"


class BodyBroken(ClientError):
    """Reading a request body failed; raised by the body's read methods. ``status`` is 400, or 408 for a timeout."""

    def __init__(self, why: BodyFault, detail: str = "") -> None:
        super().__init__(408 if why is BodyFault.TIMEOUT else 400, f"{why.value}: {detail}" if detail else why.value)
        self.why = why


class ViewerGone(EdgesimError):
    """The viewer's connection is lost; nothing more can be sent to it."""


@dataclass(slots=True)
class Wait:
    """A request that the fast path knows but may not answer yet: its bytes, when they came (``time.monotonic()``), for
    how many seconds it waits, and what the fast path knew of it then."""

    data: bytes
    started: float
    seconds: float
    known: object


@dataclass(slots=True)
class Incoming:
    """One request as it came over the wire.

    ``target`` is the request line's own text; ``headers`` keep order, case and repeats; ``body`` is None when there is
    none; ``started`` is ``time.monotonic()`` at the head's first byte; ``raw_head`` are the exact bytes when they came
    as one piece, at a message boundary, with no body and nothing after them; ``tls`` is what the ``tls_facts`` hook
    gave; ``ahead`` is what the fast path has asked an origin for it already, ``waited`` the wait that it has behind it,
    each None for most.
    """

    method: str
    target: str
    version: tuple[int, int]
    headers: Headers
    body: Body | None
    head_bytes: int
    scheme: str
    peer: tuple[str, int]
    local_port: int
    tls: object | None
    connection_id: int
    requests_on_connection: int
    started: float
    label: str
    raw_head: bytes | None
    ahead: Ahead | None = None
    waited: Wait | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class MalformedFacts:
    """A refusal: what was wrong, who sent it, and the first bytes of it (at most 256)."""

    status: int
    why: Malformation
    detail: str
    peer: tuple[str, int]
    scheme: str
    local_port: int
    label: str
    bytes_in: int
    head_excerpt: bytes
