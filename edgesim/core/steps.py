"""The words an exchange and its driver speak: what is asked, the steps out, the events in."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.core.behaviors import Behavior, Distribution
from edgesim.core.delivery import Selection
from edgesim.core.failures import Failure
from edgesim.core.flights import Flight
from edgesim.core.keys import Key
from edgesim.core.messages import Field, Request, Response
from edgesim.core.reasons import NotStored, Outcome, Stale
from edgesim.core.store import Entry
from edgesim.core.values import record


@record(frozen=True, slots=True)
class Ask:
    """What a cache is asked: the request as its client sent it, and what the distribution says about it."""

    id: str
    request: Request
    distribution: Distribution
    behavior: Behavior
    key: Key
    background: bool = False
    """A refresh behind a stale answer: nobody waits for it."""
    wants_fresh: bool = False
    """It comes from a cache below that refreshes behind a stale answer: another stale one would be of no use."""


@record(frozen=True, slots=True)
class Serve:
    """Answer from ``entry``. With ``refresh`` a background exchange is to refresh it."""

    entry: Entry
    selection: Selection
    outcome: Outcome
    stale: Stale | None = None
    refresh: bool = False


@record(frozen=True, slots=True)
class Fetch:
    """Ask the next tier or the origin.

    ``conditions`` replace the request's own conditional headers, ``None`` leaves those; ``range`` is the Range to send;
    ``method`` the method, which is GET for a HEAD that is to fetch the whole object.
    """

    conditions: tuple[Field, ...] | None = None
    range: str | None = None
    method: str = "GET"


@dataclass(frozen=True, slots=True)
class Join:
    """Wait for the outcome of a fetch on its way, then tell :class:`Released`."""

    flight: Flight


@record(frozen=True, slots=True)
class Relay:
    """Pass the answer on as it arrives; with ``entry`` its body is ``entry.body`` and is being kept."""

    response: Response
    selection: Selection
    entry: Entry | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Refuse:
    """No answer can be had: make an error page for ``status``."""

    status: int
    failure: Failure | None


@record(frozen=True, slots=True)
class Done:
    """Nothing more to do; the entries that had to make room."""

    evicted: tuple[Entry, ...] = ()


Step = Serve | Fetch | Join | Relay | Refuse | Done


@record(frozen=True, slots=True)
class Answered:
    """The head of an answer came. ``asked_at`` is when it was asked for, ``skew`` shifts the origin's dates."""

    response: Response
    now: float
    asked_at: float
    skew: float = 0.0


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer came. ``page`` is the error page to keep if this error is to be cached."""

    failure: Failure
    now: float
    page: bytes = b""


@dataclass(frozen=True, slots=True)
class Released:
    """The flight joined has an outcome."""

    now: float


@record(frozen=True, slots=True)
class Ended:
    """The relayed body ended: whole, or with the reason it is not to be kept."""

    now: float
    broken: NotStored | None = None


Event = Answered | Failed | Released | Ended

LIFE: dict[type[Step], dict[type[Event], tuple[type[Step], ...]]] = {
    Join: {Released: (Serve, Fetch)},
    Fetch: {Answered: (Serve, Relay), Failed: (Serve, Refuse)},
    Relay: {Ended: (Done,)},
    Serve: {},
    Refuse: {},
    Done: {},
}
"""What may follow what: for each step the events it can be told, and the steps that can come of them.

A step without events is final. The diagram in docs/life-of-a-request.md is drawn from this table.
"""

FIRST: tuple[type[Step], ...] = (Serve, Join, Fetch, Refuse, Done)
"""What an exchange can begin with; ``Done`` is a background refresh that finds nothing to do."""
