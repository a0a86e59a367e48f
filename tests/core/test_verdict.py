"""A verdict in the log's words (spec §12.1)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.core.cache import Tier
from edgesim.core.failures import Failure, FailureKind
from edgesim.core.messages import Request
from edgesim.core.reasons import Forwarded, Outcome, Rejection
from edgesim.core.verdict import Verdict

HIT = Verdict("id", 0.0, Tier.EDGE, "LHR62-C1", Request("GET", "/"), 200, Outcome.HIT)
MISSED = replace(HIT, tier=Tier.REGIONAL, node="eu-west-2", outcome=Outcome.MISS, forwarded=Forwarded.NO_ENTRY)
SHIELD = replace(HIT, tier=Tier.SHIELD, node="us-east-1")


def test_plain_outcomes() -> None:
    assert (HIT.result_type, HIT.detailed_type) == ("Hit", "Hit")
    left = replace(HIT, complete=False)
    assert (left.result_type, left.detailed_type) == ("Error", "ClientCommError")
    rejected = replace(HIT, outcome=Outcome.ERROR, rejection=Rejection.GEO_BLOCKED)
    assert rejected.detailed_type == "ClientGeoBlocked"


def test_a_hit_of_the_shield() -> None:
    through = replace(HIT, upstream=replace(MISSED, upstream=SHIELD))
    assert through.detailed_type == "OriginShieldHit"
    assert through.result_type == "Hit"
    assert [one.node for one in through.trail()] == ["LHR62-C1", "eu-west-2", "us-east-1"]
    asked = replace(SHIELD, forwarded=Forwarded.EXPIRED)
    assert replace(HIT, upstream=asked).detailed_type == "Hit"
    assert replace(HIT, upstream=MISSED).detailed_type == "Hit"


@pytest.mark.parametrize("kind", FailureKind)
def test_every_failure_has_a_word(kind: FailureKind) -> None:
    far = replace(MISSED, outcome=Outcome.ERROR, failure=Failure(kind))
    near = replace(HIT, outcome=Outcome.ERROR, status=502, upstream=far)
    assert near.root_failure == Failure(kind)
    assert near.detailed_type.startswith("Origin")
    assert replace(near, upstream=None).detailed_type == "Error"
