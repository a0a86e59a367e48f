"""What another cache profile would have done with the same exchange, and why: the two side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgesim.core.behaviors import Behavior, Distribution
from edgesim.core.keys import cache_key
from edgesim.core.messages import Request, Response
from edgesim.core.profiles import Profile
from edgesim.core.reasons import Forwarded, LifetimeRule, NotStale, NotStored, Reason, Stale
from edgesim.core.reuse import judge, make_entry, refusal, stale_on_error, stale_while_refreshing
from edgesim.core.steps import Answered, Ask
from edgesim.core.store import Entry

LATER = 60.0
"""Seconds past a lifetime's end at which the two are asked about stale answers."""


@dataclass(frozen=True, slots=True)
class Row:
    """One question, each profile's answer, and each one's reason (``None`` where the answer speaks for itself)."""

    question: str
    here: str
    there: str
    why_here: Reason | None = None
    why_there: Reason | None = None

    @property
    def differs(self) -> bool:
        """Whether the profiles disagree."""
        return self.here != self.there


@dataclass(frozen=True, slots=True)
class _View:
    """One profile's opinion of an exchange."""

    behavior: Behavior
    ask: Ask
    entry: Entry | None
    refused: NotStored | None


def compare(
    request: Request, response: Response, distribution: Distribution, behavior: Behavior, other: Profile, age: float
) -> list[Row]:
    """The rows for one request and the answer it was about, which was ``age`` seconds old by then."""
    here = _view(request, response, distribution, behavior)
    there = _view(request, response, distribution, replace(behavior, profile=other))
    return [
        _kept(here, there),
        _lifetime(here, there),
        _again(here, there, age),
        _key(here, there),
        _on_failure(here, there),
        _behind(here, there),
        _shared(here, there),
    ]


def _view(request: Request, response: Response, distribution: Distribution, behavior: Behavior) -> _View:
    key = cache_key(distribution, behavior, request)
    ask = Ask("compare", request, distribution, behavior, key)
    refused = refusal(ask, response)
    entry = None if refused is not None else make_entry(ask, key, Answered(response, 0.0, 0.0), 0)
    return _View(behavior, ask, entry, refused)


def _kept(here: _View, there: _View) -> Row:
    words = ["kept" if view.refused is None else "not kept" for view in (here, there)]
    return Row("Is the answer kept?", words[0], words[1], here.refused, there.refused)


def _lifetime(here: _View, there: _View) -> Row:
    rules = [view.entry.lifetime.rule if view.entry is not None else None for view in (here, there)]
    words = [_seconds(view) for view in (here, there)]
    return Row("How long is it fresh?", words[0], words[1], rules[0], rules[1])


def _seconds(view: _View) -> str:
    if view.entry is None:
        return "not at all"
    if view.entry.lifetime.rule is LifetimeRule.NONE:
        return "0 s"
    return f"{view.entry.lifetime.seconds:g} s"


def _again(here: _View, there: _View, age: float) -> Row:
    found = [_reason_to_go_up(view, age) for view in (here, there)]
    words = ["from the cache" if reason is None else "the origin is asked" for reason in found]
    return Row(f"The same request {age:.0f} s after it arrived:", words[0], words[1], found[0], found[1])


def _reason_to_go_up(view: _View, age: float) -> Forwarded | None:
    if view.entry is None:
        return Forwarded.NO_ENTRY
    return judge(view.behavior.profile, view.entry, 0, view.ask.request, age)[1]


def _key(here: _View, there: _View) -> Row:
    words = [_key_words(view) for view in (here, there)]
    return Row("What makes another request the same object?", words[0], words[1])


def _key_words(view: _View) -> str:
    if view.behavior.profile.vary_selects:
        varied = ", ".join(name for name, _ in view.entry.selecting) if view.entry is not None else ""
        return f"the whole URL, and the values of: {varied}" if varied else "the whole URL"
    parts = view.ask.key.text.split("\x1f")[1:]
    return "the cache policy's key: " + ", ".join(parts)


def _on_failure(here: _View, there: _View) -> Row:
    found = [_stale_reason(view) for view in (here, there)]
    words = ["the stale copy" if isinstance(reason, Stale) else "the error" for reason in found]
    return Row(f"{LATER:.0f} s after it expired the origin answers 503:", words[0], words[1], found[0], found[1])


def _stale_reason(view: _View) -> Stale | NotStale:
    if view.entry is None:
        return NotStale.NOTHING_STORED
    profile = view.behavior.profile
    return stale_on_error(profile, view.entry, view.behavior, view.entry.expires + LATER, unreachable=False)


def _behind(here: _View, there: _View) -> Row:
    words = ["the stale copy, refreshed behind it" if _swr(view) else "waits for the origin" for view in (here, there)]
    return Row("A request one second after it expired:", words[0], words[1])


def _swr(view: _View) -> bool:
    if view.entry is None:
        return False
    return stale_while_refreshing(view.behavior.profile, view.entry, view.ask.request, view.entry.expires + 1)


def _shared(here: _View, there: _View) -> Row:
    words = ["yes" if view.behavior.profile.request_directives else "no" for view in (here, there)]
    return Row("Can a viewer's own Cache-Control make the cache ask the origin?", words[0], words[1])
