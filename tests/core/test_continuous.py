"""Primary or staging: the choice for one request."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from edgesim.core.behaviors import Continuous, Distribution
from edgesim.core.continuous import TO_STAGING, Chosen, Deployment, choose
from edgesim.core.policies import Pick, Take
from edgesim.core.selection import SESSION_COOKIE, pick_cookies

NOON = 1_772_366_400.0
STAGING = Distribution("ESTAGING", "d2.cloudfront.net", {}, (), staging=True)
PRIMARY = Distribution("EPRIMARY", "d1.cloudfront.net", {}, ())


def ask(continuous: Continuous | None, id: str = "a", now: float = NOON, cookie: str = "", **more: Any) -> Chosen:
    """The choice; ``more`` is a header or ``staging``."""
    staging = more.pop("staging", STAGING)
    headers = CIMultiDict({name.replace("_", "-"): value for name, value in more.items()})
    if cookie:
        headers["Cookie"] = f"other=1; {cookie.partition(';')[0]}"
    chosen = choose(replace(PRIMARY, continuous=continuous), staging, headers, id, now)
    assert chosen is not None
    assert (chosen.distribution is STAGING) is (chosen.reason in TO_STAGING)
    return chosen


def weighted(weight: float = 0.15, idle: int | None = None, longest: int | None = None) -> Continuous:
    return Continuous("P1", (STAGING.id,), weight, None, idle, longest)


BY_HEADER = Continuous("P1", (STAGING.id,), header=("aws-cf-cd-test", "Yes"))


def test_without_a_policy_there_is_no_choice() -> None:
    assert choose(PRIMARY, STAGING, CIMultiDict(), "a", NOON) is None


def test_the_header_has_to_have_the_exact_value() -> None:
    assert ask(BY_HEADER, **{"AWS-CF-CD-Test": "Yes"}).reason is Deployment.HEADER
    for value in ("yes", "Yes ", "Yes,Yes", ""):
        assert ask(BY_HEADER, **{"aws-cf-cd-test": value}).reason is Deployment.OTHER_HEADER
    assert ask(BY_HEADER, **{"aws-cf-cd-other": "Yes"}).reason is Deployment.OTHER_HEADER
    assert ask(BY_HEADER).cookie == ""


def test_the_share_is_the_weight_and_the_same_id_goes_the_same_way() -> None:
    sides = [ask(weighted(0.15), str(number)).reason for number in range(4_000)]
    assert 0.13 < sides.count(Deployment.WEIGHT) / 4_000 < 0.17
    assert sides == [ask(weighted(0.15), str(number)).reason for number in range(4_000)]
    assert {ask(weighted(0.0), str(number)).reason for number in range(500)} == {Deployment.OTHER_WEIGHT}
    assert ask(weighted(0.15)).cookie == ""


def test_what_sends_everything_to_the_primary() -> None:
    assert ask(Continuous("P1", (STAGING.id,))).reason is Deployment.OFF
    header = {"aws-cf-cd-test": "Yes"}
    assert ask(BY_HEADER, staging=None, **header).reason is Deployment.NO_STAGING
    assert ask(BY_HEADER, staging=replace(STAGING, enabled=False), **header).reason is Deployment.NO_STAGING
    http3 = replace(PRIMARY, continuous=BY_HEADER, http3=True)
    chosen = choose(http3, STAGING, CIMultiDict(header), "a", NOON)
    assert chosen is not None
    assert (chosen.distribution, chosen.reason) == (http3, Deployment.HTTP_3)


def id_for(reason: Deployment, policy: Continuous) -> str:
    """A request id that chance sends there."""
    return next(id for id in map(str, range(10_000)) if ask(policy, id).reason is reason)


def test_a_session_stays_until_it_is_idle_for_too_long() -> None:
    policy = weighted(0.15, 300, 3_600)
    there, here = id_for(Deployment.WEIGHT, policy), id_for(Deployment.OTHER_WEIGHT, policy)
    cookie = ask(policy, there).cookie
    assert re.fullmatch(rf"{SESSION_COOKIE}=s\.1772366400\.1772366400\.[0-9a-f]{{8}}; Path=/; HttpOnly", cookie)
    second = ask(policy, here, NOON + 299, cookie)
    assert second.reason is Deployment.SESSION
    assert ask(policy, here, NOON + 598, second.cookie).reason is Deployment.SESSION
    assert ask(policy, here, NOON + 300, cookie).reason is Deployment.OTHER_WEIGHT
    other = ask(policy, here).cookie
    assert ask(policy, there, NOON + 10, other).reason is Deployment.OTHER_SESSION


def test_a_session_ends_at_its_longest_however_busy() -> None:
    policy = weighted(0.15, 300, 1_000)
    there, here = id_for(Deployment.WEIGHT, policy), id_for(Deployment.OTHER_WEIGHT, policy)
    chosen, at = ask(policy, there), NOON
    while at < NOON + 999:
        at = min(at + 250, NOON + 999)
        chosen = ask(policy, here, at, chosen.cookie)
        assert chosen.reason is Deployment.SESSION
    ended = ask(policy, here, NOON + 1_000, chosen.cookie)
    assert ended.reason is Deployment.OTHER_WEIGHT
    assert ask(policy, there, NOON + 1_100, ended.cookie).reason is Deployment.OTHER_SESSION


def test_another_policy_or_other_times_begin_new_sessions() -> None:
    policy = weighted(0.15, 300, 3_600)
    cookie = ask(policy, id_for(Deployment.WEIGHT, policy)).cookie
    for changed in (replace(policy, policy="P2"), replace(policy, idle_ttl=400), replace(policy, max_ttl=None)):
        id = id_for(Deployment.OTHER_WEIGHT, changed)
        assert ask(changed, id, NOON + 1, cookie).reason is Deployment.OTHER_WEIGHT
    off = ask(replace(policy, idle_ttl=None), id_for(Deployment.OTHER_WEIGHT, policy), NOON + 1, cookie)
    assert (off.reason, off.cookie) == (Deployment.OTHER_WEIGHT, "")


@settings(deadline=None)
@given(st.text(alphabet="ps.0123456789abcdef", max_size=40))
def test_no_cookie_value_breaks_the_choice(value: str) -> None:
    policy = weighted(0.0, 300, 3_600)
    chosen = ask(policy, "a", NOON, f"{SESSION_COOKIE}={value}")
    assert chosen.reason is Deployment.OTHER_WEIGHT
    assert chosen.cookie.startswith(f"{SESSION_COOKIE}=p.1772366400.1772366400.")


def test_the_sessions_cookie_is_in_no_key_and_goes_to_no_origin() -> None:
    headers = CIMultiDict({"Cookie": f"a=1; {SESSION_COOKIE}=s.1.2.00000000; b=2"})
    assert pick_cookies(Pick(Take.ALL), headers) == [("a", "1"), ("b", "2")]
