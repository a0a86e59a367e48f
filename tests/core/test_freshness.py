"""Lifetimes against the specification's own reference function, and ages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edgesim.core.dates import format_date
from edgesim.core.directives import LONGEST
from edgesim.core.freshness import (
    HEURISTIC_STATUSES,
    age_value,
    controls_of,
    error_lifetime,
    initial_age,
    policy_lifetime,
    standard_lifetime,
    year_of,
)
from edgesim.core.messages import Response
from edgesim.core.policies import Ttls
from edgesim.core.profiles import CLOUDFRONT, RFC9111
from edgesim.core.reasons import LifetimeRule

NOW = 1_772_366_400
small = st.integers(0, 1000)
ttls = st.tuples(small, small, small).map(lambda three: Ttls(*sorted(three)))
headers = st.fixed_dictionaries(
    {},
    optional={
        "max_age": small,
        "s_maxage": small,
        "expires": st.integers(-500, 1500),
        "forbid": st.sampled_from(["no-store", "no-cache", "private"]),
        "other": st.sampled_from(["public", "immutable", 'no-cache="X"', "x=1"]),
    },
)


def fields(said: dict[str, object]) -> CIMultiDict[str]:
    parts = [f"max-age={said['max_age']}"] if "max_age" in said else []
    parts += [f"s-maxage={said['s_maxage']}"] if "s_maxage" in said else []
    parts += [str(said[name]) for name in ("forbid", "other") if name in said]
    found = CIMultiDict[str]([("Cache-Control", ", ".join(parts))] if parts else [])
    if "expires" in said:
        found["Expires"] = format_date(NOW + int(str(said["expires"])))
    return found


def reference(said: dict[str, int], ttls: Ttls) -> int | None:
    """Spec §2.1's own function."""
    mn, df, mx = ttls.minimum, ttls.default, ttls.maximum
    if mn == df == mx == 0:
        return None
    if "forbid" in said:
        return mn or None
    v = said.get("s_maxage", said.get("max_age"))
    if v is None and "expires" in said:
        v = max(0, said["expires"])
    return max(mn, df) if v is None else min(max(v, mn), mx)


@given(headers, ttls)
def test_as_the_reference_function_says(said: dict[str, int], ttls: Ttls) -> None:
    sent = fields(said)
    found = policy_lifetime(CLOUDFRONT, ttls, controls_of(sent, CLOUDFRONT), sent, NOW, 0.0)
    assert (None if found is None else found.seconds) == reference(said, ttls)


@given(headers, ttls)
def test_the_rule_named_is_the_rule_that_decided(said: dict[str, int], ttls: Ttls) -> None:
    sent = fields(said)
    found = policy_lifetime(CLOUDFRONT, ttls, controls_of(sent, CLOUDFRONT), sent, NOW, 0.0)
    if found is None:
        return
    value = {
        LifetimeRule.S_MAXAGE: said.get("s_maxage"),
        LifetimeRule.MAX_AGE: said.get("max_age"),
        LifetimeRule.EXPIRES: max(0, said.get("expires", 0)),
        LifetimeRule.DEFAULT_TTL: ttls.default,
        LifetimeRule.MIN_TTL: ttls.minimum,
        LifetimeRule.MAX_TTL: ttls.maximum,
    }[found.rule]
    assert found.seconds == value


@given(headers, small, small)
def test_errors_live_for_their_minimum_or_what_the_origin_says(
    said: dict[str, int], minimum: int, maximum: int
) -> None:
    sent = fields(said)
    found = error_lifetime(minimum, maximum, controls_of(sent, CLOUDFRONT), sent, NOW, 0.0)
    asked = said.get("s_maxage", said.get("max_age", max(0, said.get("expires", 0))))
    assert found.seconds == max(minimum, min(asked, maximum))


@given(st.integers(-(10**6), 10**6))
def test_an_origin_in_another_time_is_understood(skew: int) -> None:
    sent = CIMultiDict([("Expires", format_date(NOW + 50 - skew))])
    found = policy_lifetime(CLOUDFRONT, Ttls(), controls_of(sent, CLOUDFRONT), sent, NOW, skew)
    assert found is not None
    assert found.seconds == 50


def standard(status: int = 200, **sent: str) -> tuple[float, LifetimeRule]:
    named = CIMultiDict({name.replace("_", "-"): value for name, value in sent.items()})
    found = standard_lifetime(RFC9111, controls_of(named, RFC9111), Response(status, named), NOW, 0.0)
    return found.seconds, found.rule


def test_standard_lifetimes() -> None:
    date, earlier = format_date(NOW), format_date(NOW - 1000)
    assert standard(Cache_Control="max-age=5") == (5, LifetimeRule.MAX_AGE)
    assert standard(Cache_Control="s-maxage=5, max-age=9") == (5, LifetimeRule.S_MAXAGE)
    assert standard(CDN_Cache_Control="max-age=7", Cache_Control="max-age=5") == (7, LifetimeRule.TARGETED)
    assert standard(CDN_Cache_Control="max-age=", Cache_Control="max-age=5") == (5, LifetimeRule.MAX_AGE)
    assert standard(Date=earlier, Expires=date) == (1000, LifetimeRule.EXPIRES)
    assert standard(Expires="0") == (0, LifetimeRule.EXPIRES)
    assert standard(CDN_Cache_Control="public", Expires=date, Date=earlier) == (0, LifetimeRule.NONE)
    assert standard(Cache_Control="max-age=x") == (0, LifetimeRule.MAX_AGE)
    assert standard(Last_Modified=earlier, Date=date) == (100, LifetimeRule.HEURISTIC)
    assert standard(302, Last_Modified=earlier, Date=date) == (0, LifetimeRule.NONE)
    assert standard(302, Last_Modified=earlier, Date=date, Cache_Control="public") == (100, LifetimeRule.HEURISTIC)
    assert standard(Last_Modified=format_date(NOW + 99), Date=date) == (0, LifetimeRule.HEURISTIC)
    assert standard() == (0, LifetimeRule.NONE)
    assert 200 in HEURISTIC_STATUSES


@pytest.mark.parametrize(
    ("text", "age"),
    [
        (None, 0),
        ("0", 0),
        ("17", 17),
        ("17, 5", 17),
        ("-1", 0),
        ("x", 0),
        ("1.5", 0),
        ("", 0),
        ("9" * 30, LONGEST),
        ("１", 0),
    ],
)
def test_age_field(text: str | None, age: int) -> None:
    assert age_value(CIMultiDict() if text is None else CIMultiDict(Age=text)) == age


@given(small, st.integers(-1000, 1000), small)
def test_initial_age(said: int, dated: int, delay: int) -> None:
    sent = CIMultiDict(Age=str(said), Date=format_date(NOW - dated))
    assert initial_age(CLOUDFRONT, sent, NOW - delay, NOW, 0.0) == said
    standard = initial_age(RFC9111, sent, NOW - delay, NOW, 0.0)
    assert standard == max(dated, said + delay, 0)
    assert initial_age(RFC9111, CIMultiDict(), NOW - 0.4, NOW, 0.0) == 0


@given(st.integers(0, 7_000_000_000))
def test_year(second: int) -> None:
    assert abs(year_of(second) - int(format_date(second)[12:16])) <= 1
