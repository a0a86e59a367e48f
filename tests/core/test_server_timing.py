"""Server-Timing against the two samples of the specification (§1.9)."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from edgesim.core.cache import Tier
from edgesim.core.policies import ResponseHeadersPolicy
from edgesim.core.reasons import Outcome
from edgesim.core.server_timing import Timing, server_timing, wanted


def test_the_sample_of_a_miss() -> None:
    timing = Timing(Outcome.MISS, "PHX50-C2", "id==", None, Tier.EDGE, 0.0, 114.2, 177.4, 435.9)
    assert server_timing(timing) == (
        'cdn-upstream-layer;desc="EDGE",cdn-upstream-dns;dur=0,cdn-upstream-connect;dur=114,cdn-upstream-fbl;dur=177,'
        'cdn-cache-miss,cdn-pop;desc="PHX50-C2",cdn-rid;desc="id==",cdn-downstream-fbl;dur=436'
    )


def test_the_sample_of_a_hit() -> None:
    timing = Timing(Outcome.HIT, "SEA19-C1", "id==", Tier.REGIONAL, None, downstream_ms=137)
    assert server_timing(timing) == (
        'cdn-cache-hit,cdn-pop;desc="SEA19-C1",cdn-rid;desc="id==",cdn-hit-layer;desc="REC",cdn-downstream-fbl;dur=137'
    )


def test_other_outcomes() -> None:
    refreshed = server_timing(Timing(Outcome.REFRESH_HIT, "X", "id", None, Tier.SHIELD))
    assert refreshed.startswith('cdn-upstream-layer;desc="Origin Shield",')
    assert ",cdn-cache-refresh," in refreshed
    assert server_timing(Timing(Outcome.ERROR, "X", "id", None, None)).startswith("cdn-cache-miss,cdn-pop")


@pytest.mark.parametrize(
    ("rate", "pragma", "unit", "found"),
    [
        (None, "server-timing", 0.0, False),
        (0, "", 0.0, False),
        (0, "server-timing", 0.9, True),
        (0, "no-cache, Server-Timing", 0.9, True),
        (50, "", 0.49, True),
        (50, "", 0.5, False),
        (100, "", 0.9999, True),
    ],
)
def test_who_gets_it(rate: float | None, pragma: str, unit: float, found: bool) -> None:
    headers = CIMultiDict({"Pragma": pragma} if pragma else {})
    assert wanted(ResponseHeadersPolicy("r", "r", server_timing=rate), headers, unit) is found
    assert not wanted(None, headers, unit)
