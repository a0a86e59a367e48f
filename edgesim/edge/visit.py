"""One request being served, as far as it has come."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.core.answers import Answer
from edgesim.core.behaviors import Behavior, Distribution
from edgesim.core.continuous import Deployment
from edgesim.core.entrance import Routed
from edgesim.core.messages import Field, Request
from edgesim.core.reasons import Outcome, Rejection
from edgesim.core.verdict import Visitor
from edgesim.edge.plan import Hop
from edgesim.wire.listener import Incoming, Reply
from edgesim.world.state import World

NOWHERE = Routed("", Visitor())


@dataclass(slots=True)
class Visit:
    """A viewer's request, what was decided about it, and the answer it gets."""

    incoming: Incoming
    reply: Reply
    id: str
    request: Request
    world: World
    """As it was when the request came; it may change before the answer has gone."""
    distribution: Distribution | None = None
    routed: Routed = NOWHERE
    behavior: Behavior | None = None
    passed_over: tuple[str, ...] = ()
    rejected: Rejection | None = None
    detail: str = ""
    hop: Hop | None = None
    key: str = ""
    answer: Answer | None = None
    complete: bool = True
    learnable: tuple[str, list[Field]] | None = None
    """Reason and headers as they went out, where the body went out in one piece."""
    replaced_status: int = 0
    """The status that a custom error page hides, 0 without one."""
    primary: Distribution | None = None
    """The distribution asked for, where it has a continuous deployment policy."""
    deployment: Deployment | None = None
    session: str = ""
    """The Set-Cookie value that keeps the viewer on one side, "" for none."""

    @property
    def outcome(self) -> Outcome:
        """What X-Cache says."""
        if self.rejected in (Rejection.REDIRECT_TO_HTTPS, Rejection.FORWARDED_TO_EDGE):
            return Outcome.REDIRECT
        if self.rejected is Rejection.NO_EDGE:
            return Outcome.CAPACITY_EXCEEDED
        return self.hop.outcome if self.hop is not None else Outcome.ERROR
