"""Which sections of the specification have scenarios: a list that must not shrink unnoticed."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from support.scenarios import HERE, Case, load_cases

CASES = load_cases()

SECTIONS = {
    "1.1": "tiers",
    "1.2": "edge pipeline",
    "1.3": "what the origin receives",
    "1.4": "legacy header table",
    "1.5": "CloudFront-* request headers",
    "1.6": "what the viewer receives",
    "1.7": "Vary",
    "1.8": "odd origin connections",
    "1.9": "Server-Timing",
    "2.1": "TTL table",
    "2.2": "revalidation",
    "2.3": "stale-while-revalidate",
    "2.4": "stale-if-error",
    "2.5": "stale without directives",
    "3.1": "key",
    "3.2": "cache policy and origin request policy together",
    "3.3": "legacy ForwardedValues",
    "3.4": "Accept-Encoding",
    "3.5": "managed cache policies",
    "3.6": "cookies and Set-Cookie",
    "3.7": "managed origin request policies",
    "3.8": "response headers policies",
    "3.9": "methods",
    "4.1": "collapsing",
    "4.2": "ranges",
    "4.3": "object size",
    "4.4": "encodings",
    "4.5": "WebSocket and gRPC",
    "4.6": "request limits",
    "5.1": "which errors are cached",
    "5.2": "for how long",
    "5.3": "error decision flow",
    "5.4": "custom error pages",
    "5.5": "generated statuses",
    "5.6": "generated page",
    "6.3": "timeouts and retries",
    "6.4": "origin path",
    "6.5": "origin groups",
    "6.7": "Origin Shield",
    "6.9": "origin custom headers",
    "7.1": "viewer protocol policy",
    "7.5": "alternate domain names",
    "7.9": "default root object",
    "7.10": "path patterns",
    "7.11": "compression",
    "8": "invalidation",
    "10.1": "trusted keys",
    "10.2": "signing algorithm",
    "10.3": "custom policies",
    "10.4": "signed cookies",
    "10.5": "verification order",
    **{f"15.{number}": "what imitations get wrong" for number in range(1, 16)},
    "16": "open points",
}
"""The sections of the specification that a cache's behaviour can show."""

PENDING = {
    "1.5": "tests/core: made from the viewer's place and TLS, which differ between the drivers",
    "1.9": "tests/core: durations differ between the drivers",
    "4.5": "tests/edge: an upgraded connection is no request and answer",
    "4.6": "tests/wire: refused before there is a request",
}
"""Sections whose behaviour is shown elsewhere or is not there yet, and where or why."""


def sections_of(case: Case) -> set[str]:
    return {found for text in case.covers for found in re.findall(r"§(\d+(?:\.\d+)?)", text) if "RFC" not in text}


COVERED = Counter(section for case in CASES for section in sections_of(case))


@pytest.mark.parametrize("section", SECTIONS)
def test_section_has_a_scenario(section: str) -> None:
    assert (COVERED[section] > 0) is not (section in PENDING), f"§{section} ({SECTIONS[section]})"


def test_only_known_sections_are_covered() -> None:
    assert set(COVERED) <= set(SECTIONS), sorted(set(COVERED) - set(SECTIONS))


def test_every_row_of_the_lifetime_table_is_there_twice() -> None:
    rows = [text for case in CASES for text in case.covers if text.startswith("§2.1 row")]
    for row in ("max-age", "s-maxage", "Expires", "neither", "no-store", "no-cache", "private"):
        for minimum in ("Min=0", "Min>0"):
            assert any(row in text and minimum in text for text in rows), (row, minimum)


def test_every_file_has_cases() -> None:
    assert {path.name for path in HERE.glob("*.yaml")} == {case.file for case in CASES}
