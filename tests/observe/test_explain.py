"""Explanations of verdicts made by hand, and of every reason there is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from observed_verdicts import NOON, from_origin, request, verdict

from edgesim.core.cache import Tier
from edgesim.core.failures import Failure, FailureKind
from edgesim.core.keys import cache_key
from edgesim.core.reasons import (
    Forwarded,
    LifetimeRule,
    NotCompressed,
    NotJoined,
    NotStale,
    NotStored,
    Outcome,
    Reason,
    Rejection,
    Stale,
)
from edgesim.core.reuse import Freshness
from edgesim.core.verdict import OriginTrip, Verdict
from edgesim.observe.explain import explained, summary
from edgesim.observe.words import told
from edgesim.world.changes import apply
from edgesim.world.loading import check_text
from edgesim.world.state import World

TEXT = """\
edges: [LHR61-C2, SYD62-C1]
origins: { site: { url: "http://127.0.0.1:9" } }
distributions:
  - name: harbour
    aliases: [www.harbour.test]
    behaviors: [{ path: "/api/*", origin: site, cache_policy: CachingDisabled }]
    default_behavior: { origin: site, ttl: { default: 1 min }, key: { query: [a], cookies: [flavour] }, compress: true }
"""


@pytest.fixture(scope="module")
def world() -> World:
    return apply(World(), check_text(TEXT, file="world.yaml").configure(NOON))


def of(world: World, made: Verdict) -> Verdict:
    """The verdict as an edge of this world would have made it."""
    (distribution,) = world.distributions.values()
    behavior = distribution.behaviors[-1]
    key = cache_key(distribution, behavior, made.request).text
    return replace(
        made, distribution=distribution.id, behavior="*", passed_over=("/api/*",), profile="cloudfront", key=key
    )


def text_of(world: World, made: Verdict) -> str:
    facts = explained(of(world, made), world)
    json.dumps(facts)
    return told(facts)


def test_the_parts_of_the_key_are_computed_again(world: World) -> None:
    asked = request("/p?a=1&b=2", Cookie="flavour=mint; other=1", Accept_Language="en")
    key = explained(of(world, verdict(request=asked)), world)["key"]
    included = {(part["kind"], part["name"]) for part in key["included"]}
    left_out = {(part["kind"], part["name"]) for part in key["left_out"]}
    assert included == {("path", "path"), ("query", "a"), ("cookie", "flavour")}
    assert left_out >= {("query", "b"), ("cookie", "other"), ("header", "Accept-Language")}
    assert key["current"] is True


def test_settings_that_changed_since_are_said(world: World) -> None:
    made = replace(of(world, verdict(request=request("/p?a=1"))), key="another")
    text = told(explained(made, world))
    assert "The settings have changed since" in text


def test_the_freshness_sum_is_shown_line_by_line(world: World) -> None:
    sum_ = Freshness(90.0, 60.0, LifetimeRule.MAX_TTL, 3600.0)
    facts = explained(of(world, verdict(freshness=sum_, forwarded=Forwarded.EXPIRED)), world)
    assert [line["seconds"] for line in facts["cache"]["freshness"]["lines"]] == [3600.0, 60.0, 90.0, -30.0]
    text = told(facts)
    assert "the origin asked for 3,600 s" in text
    assert "-30 s  no longer fresh" in text


def test_a_failure_two_tiers_up_is_told_where_it_happened(world: World) -> None:
    trip = OriginTrip("site", target="/", sent=(("Host", "x"),), attempts=3, failover="Failover:504")
    failure = Failure(FailureKind.READ_TIMEOUT, "after 30 s")
    up = of(world, verdict(Outcome.ERROR, tier=Tier.REGIONAL, node="eu-west-2", origin=trip, failure=failure))
    text = text_of(world, verdict(Outcome.ERROR, status=504, upstream=up, forwarded=Forwarded.NO_ENTRY))
    assert "eu-west-2 (regional): Error" in text
    assert "the origin sent nothing within the response timeout: after 30 s" in text
    assert "site gave no answer, attempt 3." in text
    assert "Failover:504" in text


def test_what_the_origin_saw_and_did_not(world: World) -> None:
    trip = OriginTrip("site", "127.0.0.1:9", 200, sent=(("Host", "o.test"), ("Via", "1.1 x")), target="/p?a=1")
    facts = explained(of(world, from_origin(request=request("/p?a=1&b=2", Accept="*/*"))), world)
    made = of(world, replace(from_origin(request=request("/p?a=1", Accept="*/*")), origin=trip))
    origin = explained(made, world)["cache"]["origin"]
    assert (origin["dropped"], origin["added"]) == (["Accept"], ["Via"])
    assert facts["cache"]["origin"]["origin"] == "site"


@pytest.mark.parametrize(
    ("field", "reasons"),
    [
        ("forwarded", Forwarded),
        ("not_stored", NotStored),
        ("not_joined", NotJoined),
        ("stale", Stale),
        ("not_stale", NotStale),
        ("not_compressed", NotCompressed),
        ("rejection", Rejection),
    ],
)
def test_every_reason_is_told_with_its_sentence_and_source(world: World, field: str, reasons: type[Reason]) -> None:
    for one in reasons:
        if one is NotJoined.NONE_IN_FLIGHT:
            continue  # the ordinary case, and no news
        made: Any = {"forwarded": Forwarded.NO_ENTRY, field: one}
        text = text_of(world, verdict(Outcome.MISS, **made))
        assert f"{one.sentence} [{one.source}]" in text


def test_a_verdict_with_next_to_nothing_is_told_too() -> None:
    bare = verdict(Outcome.ERROR, node="", distribution="", domain="", legs=(), status=0, rejection=Rejection.MALFORMED)
    assert "no answer" in told(explained(bare, World()))


def test_a_summary_names_the_reason_that_says_most() -> None:
    assert summary(verdict())["reason"] == ""
    assert summary(verdict(forwarded=Forwarded.EXPIRED))["reason"] == "stale"
    assert summary(verdict(rejection=Rejection.GEO_BLOCKED))["reason"] == "ClientGeoBlocked"
    assert summary(verdict(failure=Failure(FailureKind.DNS)))["reason"] == "dns"
    assert len(summary(verdict(request=request("/" + "x" * 9000)))["target"]) == 2048
