"""Which names a policy takes."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from edgesim.core.policies import EVERYTHING, NOTHING, Pick, Take
from edgesim.core.selection import cookie_pairs, lowered, pick_cookies, pick_query, query_pairs

ONLY_A = Pick(Take.LISTED, ("a",))
NOT_A = Pick(Take.ALL_EXCEPT, ("a",))


@pytest.mark.parametrize(
    ("pick", "query", "taken"),
    [
        (NOTHING, "a=1", ""),
        (EVERYTHING, "b=2&a=1&&", "b=2&a=1&&"),
        (EVERYTHING, None, ""),
        (ONLY_A, "b=2&a=1&A=3&a=4&a", "a=1&a=4&a"),
        (NOT_A, "b=2&a=1&c", "b=2&c"),
        (ONLY_A, "a;b=1", ""),
        (ONLY_A, "%61=1", ""),
    ],
)
def test_query(pick: Pick, query: str | None, taken: str) -> None:
    assert pick_query(pick, query) == taken


def test_cookies() -> None:
    headers = CIMultiDict([("Cookie", "b=2; a=1; $Path=/; bare; =x"), ("Cookie", "c=a=b; a=0")])
    assert cookie_pairs(headers) == [("a", "1"), ("a", "0"), ("b", "2"), ("c", "a=b")]
    assert pick_cookies(ONLY_A, headers) == [("a", "1"), ("a", "0")]
    assert pick_cookies(NOT_A, headers) == [("b", "2"), ("c", "a=b")]
    assert pick_cookies(EVERYTHING, headers) == cookie_pairs(headers)
    assert pick_cookies(NOTHING, headers) == []
    assert pick_cookies(EVERYTHING, CIMultiDict()) == []


def test_wildcards_only_where_they_are_on() -> None:
    headers = CIMultiDict(Cookie="wp_a=1; sid=2; s.d=3; other=4")
    names = ("wp_*", "s?d")
    assert pick_cookies(Pick(Take.LISTED, names, wildcards=True), headers) == [
        ("s.d", "3"),
        ("sid", "2"),
        ("wp_a", "1"),
    ]
    assert pick_cookies(Pick(Take.LISTED, names), headers) == []


def test_small_things() -> None:
    assert query_pairs(None) == query_pairs("") == []
    assert lowered(("X-A", "x-a", "B")) == {"x-a", "b"}
