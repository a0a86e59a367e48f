"""May a stored answer be used, fresh or stale, and how a new one is turned into an entry (RFC 9111 §4; spec §2)."""

from __future__ import annotations

from dataclasses import replace

from multidict import CIMultiDict

from edgesim.core.behaviors import Behavior
from edgesim.core.bodies import Body
from edgesim.core.directives import LONGEST, Directives, parse_cache_control
from edgesim.core.freshness import (
    Controls,
    Lifetime,
    controls_of,
    error_lifetime,
    initial_age,
    policy_lifetime,
    standard_lifetime,
)
from edgesim.core.keys import Key
from edgesim.core.messages import Headers, Request, Response, end_to_end, listed, tokens
from edgesim.core.policies import Take
from edgesim.core.profiles import Profile
from edgesim.core.reasons import Forwarded, LifetimeRule, NotStale, NotStored, Stale
from edgesim.core.steps import Answered, Ask
from edgesim.core.storability import policy_refusal, standard_refusal
from edgesim.core.store import Entry
from edgesim.core.validation import merged
from edgesim.core.values import record
from edgesim.core.vary import selecting, selecting_names

FOREVER = float(LONGEST)


@record(frozen=True, slots=True)
class Freshness:
    """The sum that decided: ``left`` = ``lifetime`` - ``age``, all seconds; negative when it is over."""

    age: float
    lifetime: float
    rule: LifetimeRule
    asked: float | None

    @property
    def left(self) -> float:
        """Seconds of freshness left."""
        return self.lifetime - self.age


def judge(
    profile: Profile, entry: Entry | None, variants: int, request: Request, now: float
) -> tuple[Freshness | None, Forwarded | None]:
    """The freshness sum of what is stored, and why the request has to go up; ``None`` when it need not."""
    if entry is None:
        return None, Forwarded.NO_VARIANT if variants else Forwarded.NO_ENTRY
    age = entry.age(now)
    sum_ = Freshness(age, entry.lifetime.seconds, entry.lifetime.rule, entry.lifetime.asked)
    if entry.refetch:
        return sum_, Forwarded.VARY_STAR
    if entry.must_validate:
        return sum_, Forwarded.MUST_VALIDATE
    if profile.request_directives:
        return sum_, _by_request(profile, entry, request.headers, sum_)
    return sum_, None if sum_.left > 0 else Forwarded.EXPIRED


def request_directives(headers: Headers) -> Directives:
    """A viewer's Cache-Control; without one, Pragma: no-cache counts as no-cache (RFC 9111 §5.4)."""
    value = listed(headers, "Cache-Control")
    if value is None and "no-cache" in tokens(listed(headers, "Pragma")):
        value = "no-cache"
    return parse_cache_control(value)


def _by_request(profile: Profile, entry: Entry, headers: Headers, sum_: Freshness) -> Forwarded | None:
    asked = request_directives(headers)
    if not asked:
        return None if sum_.left > 0 else Forwarded.EXPIRED
    settled = profile.immutable and entry.immutable and sum_.left > 0
    limit = asked.seconds("max-age")
    too_old = limit is not None and (sum_.age > limit or limit == 0) and not (settled and limit == 0)
    if "no-cache" in asked or too_old:
        return Forwarded.REQUEST_DIRECTIVE
    if sum_.left > 0:
        reserve = asked.seconds("min-fresh")
        return None if reserve is None or sum_.left >= reserve else Forwarded.REQUEST_DIRECTIVE
    if "max-stale" in asked and not entry.stale_forbidden:
        tolerated = asked.seconds("max-stale") if not asked.bare("max-stale") else LONGEST
        if tolerated is not None and -sum_.left <= tolerated:
            return None
    return Forwarded.EXPIRED


def refusal(ask: Ask, response: Response) -> NotStored | None:
    """Why an answer to this request is not kept; ``None`` when it may be."""
    profile = ask.behavior.profile
    controls = controls_of(response.headers, profile)
    if profile.policy_ttls:
        return policy_refusal(ask.behavior, ask.request, response, controls)
    if profile.request_directives and "no-store" in request_directives(ask.request.headers):
        return NotStored.REQUEST_NO_STORE
    return standard_refusal(ask.request, response, controls)


def make_entry(ask: Ask, key: Key, event: Answered, sequence: int) -> Entry:
    """An entry for an answer that may be stored; its body is empty and still to come."""
    behavior, response = ask.behavior, event.response
    profile = behavior.profile
    controls = controls_of(response.headers, profile)
    lifetime = _lifetime(ask, controls, event)
    age = initial_age(profile, response.headers, event.asked_at, event.now, event.skew)
    if profile.error_caching and response.status >= 400 and not profile.errors_age_across_tiers:
        age = 0.0
    entry = Entry(
        key,
        response.status,
        response.reason,
        kept_headers(behavior, controls, response.headers),
        Body(),
        event.now,
        lifetime,
        age,
        sequence,
        total=response.length,
        error=profile.error_caching and response.status >= 400,
        immutable="immutable" in controls.directives,
    )
    _set_stale_windows(behavior, controls, entry)
    if profile.vary_selects:
        names = selecting_names(response.headers)
        entry.selecting = selecting(names, ask.request.headers)
        entry.variant = "".join(f"\x1e{name}={value}" for name, value in entry.selecting)
        entry.must_validate = controls.directives.bare("no-cache")
    elif profile.vary_star_refetches and not behavior.policy.ttls.minimum and _vary_star(response.headers):
        entry.refetch = True
        entry.lifetime = Lifetime(0, LifetimeRule.VARY_STAR)
    return entry


def _vary_star(headers: Headers) -> bool:
    return "Vary" in headers and "*" in tokens(listed(headers, "Vary"))


def _lifetime(ask: Ask, controls: Controls, event: Answered) -> Lifetime:
    profile, ttls, response = ask.behavior.profile, ask.behavior.policy.ttls, event.response
    if not profile.policy_ttls:
        return standard_lifetime(profile, controls, response, event.now, event.skew)
    if response.status >= 400:
        minimum = ask.distribution.error_min_ttl(response.status)
        return error_lifetime(minimum, ttls.maximum, controls, response.headers, event.now, event.skew)
    found = policy_lifetime(profile, ttls, controls, response.headers, event.now, event.skew)
    return found or Lifetime(0, LifetimeRule.NONE)


def _set_stale_windows(behavior: Behavior, controls: Controls, entry: Entry) -> None:
    """How long a stale copy may serve: behind a refresh, and for a failing origin (spec §2.3 to §2.5; RFC 5861)."""
    profile, directives = behavior.profile, controls.directives
    forbidding = ["must-revalidate", "proxy-revalidate"] if profile.must_revalidate_forbids_stale else []
    if not profile.policy_ttls:
        forbidding += ["s-maxage", "no-cache"]
    entry.stale_forbidden = any(
        name in directives and (name != "no-cache" or directives.bare(name)) for name in forbidding
    )
    born = entry.received - entry.initial_age  # an age another tier reports has used up part of the maximum
    limit = born + behavior.policy.ttls.maximum if profile.policy_ttls else FOREVER + entry.received
    behind, on_error = directives.seconds("stale-while-revalidate"), directives.seconds("stale-if-error")
    if entry.stale_forbidden:
        return
    if behind is not None:
        entry.swr_until = min(entry.expires + behind, limit)
    entry.stale_by_directive = on_error is not None
    if on_error is not None:
        entry.stale_until = min(entry.expires + on_error, limit) if on_error else 0.0
    elif profile.stale_on_error_by_default:
        entry.stale_until = limit
    else:
        entry.stale_until = limit if profile.stale_when_disconnected else 0.0


def stale_while_refreshing(profile: Profile, entry: Entry, request: Request, now: float) -> bool:
    """Whether the stale copy may serve at once while a refresh runs (RFC 5861 §3)."""
    if profile.request_directives and request_directives(request.headers):
        return False
    return now < entry.swr_until


def stale_on_error(
    profile: Profile, entry: Entry, behavior: Behavior, now: float, *, unreachable: bool
) -> Stale | NotStale:
    """Whether the stored copy may serve although the origin failed; ``unreachable`` when it gave no answer at all."""
    ttls = behavior.policy.ttls
    if entry.error:
        return NotStale.ERROR_ENTRY
    if profile.policy_ttls and not ttls.minimum and not ttls.maximum:
        return NotStale.TTLS_ZERO
    if entry.stale_forbidden:
        return NotStale.FORBIDDEN
    if entry.stale_by_directive and not entry.stale_until:
        return NotStale.STALE_IF_ERROR_ZERO
    if not entry.stale_by_directive and not profile.stale_on_error_by_default:
        if not (unreachable and profile.stale_when_disconnected):
            return NotStale.NO_DIRECTIVE
        return Stale.DISCONNECTED
    if now >= entry.stale_until:
        return NotStale.WINDOW_OVER
    return Stale.IF_ERROR if entry.stale_by_directive else Stale.BY_DEFAULT


def kept_headers(behavior: Behavior, controls: Controls, headers: Headers) -> CIMultiDict[str]:
    """The fields of an answer that are stored: end-to-end ones, without what the origin or a policy keeps out."""
    dropped = {"age"}
    if behavior.profile.field_names_strip:
        directives = controls.directives
        named = directives.names("no-cache") | directives.names("private")
        dropped |= named if not behavior.profile.policy_ttls else named & {"set-cookie"}
    if behavior.profile.policy_ttls and not cookies_forwarded(behavior):
        dropped.add("set-cookie")
    return CIMultiDict([(name, value) for name, value in end_to_end(headers) if name.lower() not in dropped])


def cookies_forwarded(behavior: Behavior) -> bool:
    """Whether cookies reach the origin, by cache or origin request policy: it changes much (spec §2.2, §3.6, §4.1)."""
    extra = behavior.origin_request
    return behavior.policy.cookies.take is not Take.NONE or (extra is not None and extra.cookies.take is not Take.NONE)


def refreshed(ask: Ask, entry: Entry, event: Answered, sequence: int) -> Entry | NotStored:
    """The stored entry as a 304 renews it: headers merged, lifetime computed afresh (RFC 9111 §4.3.4; spec §2.2).

    ``NotStored`` when the 304 says that it must not be kept any longer.
    """
    if ask.request.method == "HEAD":  # the 304 is about the stored answer to GET all the same
        ask = replace(ask, request=replace(ask.request, method="GET"))
    headers = merged(entry.headers, event.response.headers)
    combined = Response(entry.status, headers, entry.reason, entry.total)
    why = refusal(ask, combined)
    if why is not None:
        return why
    aged = CIMultiDict(headers)
    if "Age" in event.response.headers:
        aged["Age"] = event.response.headers["Age"]
    renewed = make_entry(ask, entry.key, replace(event, response=replace(combined, headers=aged)), sequence)
    renewed.body, renewed.parts, renewed.hits, renewed.total = entry.body, entry.parts, entry.hits, entry.total
    if renewed.variant != entry.variant:
        renewed.selecting, renewed.variant = entry.selecting, entry.variant
    return renewed
