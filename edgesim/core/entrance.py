"""What the front door decides about a request: the viewer, and the edge that serves him."""

from __future__ import annotations

from edgesim.core.places import Place
from edgesim.core.reasons import Rejection
from edgesim.core.values import record
from edgesim.core.verdict import Visitor


@record(frozen=True, slots=True)
class Routed:
    """Where the front door sends a request: to an edge, with the viewer as it sees him; or nowhere, with the reason.

    ``rtt_ms`` is the modelled round trip between viewer and edge. ``redirect`` is the edge's own URL where the world's
    front door redirects instead of serving.
    """

    pop: str
    visitor: Visitor
    rtt_ms: float = 0.0
    rejection: Rejection | None = None
    status: int = 400
    detail: str = ""
    redirect: str = ""
    place: Place | None = None
