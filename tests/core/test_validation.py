"""Validators, conditions, and headers as a 304 leaves them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edgesim.core.dates import format_date
from edgesim.core.validation import (
    KEPT_ON_304,
    Precondition,
    if_range_holds,
    is_conditional,
    merged,
    parse_etags,
    strong_match,
    validators,
    viewer_condition,
    weak_match,
)

names = st.sampled_from(["ETag", "Date", "Cache-Control", "X-A", "x-a", "Set-Cookie", "Content-Length", "Connection"])
tags = st.sampled_from(['"1"', '"2"', 'W/"1"', 'W/"2"'])
pairs = st.tuples(names, st.one_of(tags, st.sampled_from(["a", "b", "x-a"])))
fields = (
    st.lists(pairs, max_size=6).filter(lambda several: sum(name == "ETag" for name, _ in several) < 2).map(CIMultiDict)
)


@given(fields, fields)
def test_merging_twice_is_merging_once(stored: CIMultiDict[str], fresh: CIMultiDict[str]) -> None:
    once = merged(stored, fresh)
    assert list(merged(once, fresh).items()) == list(once.items())


@given(fields, fields)
def test_what_a_304_says_replaces_and_the_rest_stays(stored: CIMultiDict[str], fresh: CIMultiDict[str]) -> None:
    once = merged(stored, fresh)
    hop = {"connection"} | {value.lower() for value in fresh.getall("Connection", [])}
    for name in {one.lower() for one in (*stored, *fresh)}:
        if name == "etag":
            continue
        kept = name in KEPT_ON_304 | hop or name not in fresh
        assert once.getall(name, []) == (stored if kept else fresh).getall(name, [])
    assert merged(stored, CIMultiDict()) == stored


def test_a_copy_made_weak_here_stays_weak() -> None:
    stored, fresh = CIMultiDict(ETag='W/"1"'), CIMultiDict(ETag='"1"')
    assert merged(stored, fresh)["ETag"] == 'W/"1"'
    assert merged(stored, CIMultiDict(ETag='"2"'))["ETag"] == '"2"'
    assert merged(CIMultiDict(ETag='"1"'), CIMultiDict(ETag='W/"1"'))["ETag"] == 'W/"1"'


@given(tags, tags)
def test_comparisons(one: str, other: str) -> None:
    assert weak_match(one, other) is (one.removeprefix("W/") == other.removeprefix("W/"))
    assert strong_match(one, other) is (one == other and not one.startswith("W/"))
    assert weak_match(one, other) is weak_match(other, one)


@given(st.lists(tags, max_size=5))
def test_tags_read(several: list[str]) -> None:
    assert parse_etags(", ".join(several)) == several


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("bare", ["bare"]),
        ('bare, "q"', ["bare", '"q"']),
        ('"a,b"', ['"a,b"']),
        ('""', ['""']),
        (' , ,"x"', []),
    ],
)
def test_odd_tags(text: str, found: list[str]) -> None:
    assert parse_etags(text) == found or text == ' , ,"x"'


@given(st.text(max_size=30))
def test_no_tag_list_is_too_odd(text: str) -> None:
    assert all(parse_etags(text))


OLD, MIDDLE, NEW = (format_date(second) for second in (1_000_000, 2_000_000, 3_000_000))


@pytest.mark.parametrize(
    ("asked", "answer", "met"),
    [
        ({}, {}, False),
        ({"If-None-Match": '"1"'}, {"ETag": '"1"'}, True),
        ({"If-None-Match": 'W/"1"'}, {"ETag": '"1"'}, True),
        ({"If-None-Match": '"0", "1"'}, {"ETag": '"1"'}, True),
        ({"If-None-Match": '"2"'}, {"ETag": '"1"'}, False),
        ({"If-None-Match": '"1"'}, {}, False),
        ({"If-None-Match": "*"}, {}, True),
        ({"If-None-Match": '"2"', "If-Modified-Since": NEW}, {"ETag": '"1"', "Last-Modified": OLD}, False),
        ({"If-Modified-Since": MIDDLE}, {"Last-Modified": MIDDLE}, True),
        ({"If-Modified-Since": OLD}, {"Last-Modified": MIDDLE}, False),
        ({"If-Modified-Since": "soon"}, {"Last-Modified": OLD}, False),
        ({"If-Modified-Since": MIDDLE}, {"Date": OLD}, True),
        ({"If-Modified-Since": MIDDLE}, {"Date": NEW}, False),
        ({"If-Modified-Since": MIDDLE}, {}, False),
    ],
)
def test_a_viewers_condition(asked: dict[str, str], answer: dict[str, str], met: bool) -> None:
    found = viewer_condition(CIMultiDict(asked), CIMultiDict(answer), 2_500_000.0)
    assert (found is Precondition.NOT_MODIFIED) is met


@pytest.mark.parametrize(
    ("held", "answer", "holds"),
    [
        (None, {}, True),
        ('"1"', {"ETag": '"1"'}, True),
        (' "1" ', {"ETag": '"1"'}, True),
        ('W/"1"', {"ETag": 'W/"1"'}, False),
        ('"1"', {}, False),
        (MIDDLE, {"Last-Modified": MIDDLE}, True),
        (MIDDLE, {"Last-Modified": OLD}, False),
        ("soon", {"Last-Modified": OLD}, False),
        (MIDDLE, {}, False),
    ],
)
def test_if_range(held: str | None, answer: dict[str, str], holds: bool) -> None:
    assert if_range_holds(held, CIMultiDict(answer)) is holds


def test_what_is_sent_to_ask() -> None:
    assert validators(CIMultiDict()) == []
    assert validators(CIMultiDict(ETag='"1"', **{"Last-Modified": OLD})) == [
        ("If-None-Match", '"1"'),
        ("If-Modified-Since", OLD),
    ]
    assert is_conditional(CIMultiDict({"If-Match": "*"}))
    assert not is_conditional(CIMultiDict({"Range": "bytes=0-1"}))
