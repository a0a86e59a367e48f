"""Origins in virtual time: anything that answers a request as the edge sends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from multidict import CIMultiDict

from edgesim.core.answers import BrokenOff
from edgesim.core.behaviors import Origin
from edgesim.core.failures import Failure
from edgesim.core.forwarding import Upstream
from edgesim.core.messages import Field, Response
from edgesim.sim.timeline import Timeline, Wait


@dataclass(frozen=True, slots=True)
class Told:
    """What an origin answers. ``delay`` seconds pass before the head, and each piece's own before the piece.

    ``framed`` is False for a body that only the end of the connection ends; ``breaks`` is how it breaks off.
    """

    status: int = 200
    headers: tuple[Field, ...] = ()
    pieces: tuple[tuple[float, bytes], ...] = ()
    delay: float = 0.0
    framed: bool = True
    breaks: Failure | None = None

    def response(self, method: str) -> Response:
        """Its head."""
        headers = CIMultiDict(self.headers)
        announced = headers.get("Content-Length", "")
        length = int(announced) if announced.isdigit() else None
        if length is None and method != "HEAD" and len(self.pieces) < 2 and self.framed and self.breaks is None:
            length = sum(len(data) for _, data in self.pieces)
        return Response(self.status, headers, "", length, self.framed)

    def body(self, timeline: Timeline) -> Iterator[bytes | Wait]:
        """Its bytes and the waits between them; raises BrokenOff."""
        for delay, data in self.pieces:
            if delay:
                yield timeline.sleep(delay)
            yield data
        if self.breaks is not None:
            raise BrokenOff(self.breaks)


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer: ``after`` seconds the edge knows that it failed, and how."""

    failure: Failure
    after: float = 0.0


class VirtualOrigin(Protocol):
    """Where fetches end."""

    def answer(self, origin: Origin, request: Upstream, now: float) -> Told | Silence:
        """What ``origin`` has to say to a request that reaches it at ``now``."""
