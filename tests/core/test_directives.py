"""Cache-Control and targeted fields, read from whatever people send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.core.directives import LONGEST, NONE, parse_cache_control, parse_targeted

names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9-]{0,8}", fullmatch=True)
values = st.one_of(st.none(), st.integers(0, 10**6).map(str), st.text("abc ,=\"\\'", max_size=8))


def written(name: str, value: str | None, quoted: bool) -> str:
    if value is None:
        return name
    if quoted or not value or set(value) & set(" ,=\"\\'"):
        return f'{name}="{value.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"'
    return f"{name}={value}"


@given(st.lists(st.tuples(names, values, st.booleans()), max_size=6, unique_by=lambda each: each[0].lower()))
def test_what_is_written_is_read(directives: list[tuple[str, str | None, bool]]) -> None:
    text = ", ".join(written(*each) for each in directives)
    found = parse_cache_control(text)
    assert dict(found.values) == {name.lower(): value for name, value, _ in directives}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("max-age=60", 60),
        ("MAX-AGE=60", 60),
        ('max-age="60"', 60),
        ("max-age = 60", 60),
        ("public,, max-age=60 ,", 60),
        ("max-age=0060", 60),
        ("max-age=99999999999999999999", LONGEST),
        ("max-age=2147483649", LONGEST),
        ("x-max-age=5", None),
        ("", None),
        (None, None),
        ('x="max-age=5", max-age=7', 7),
        ('x="a\\"b, max-age=5", max-age=7', 7),
    ],
)
def test_lifetimes(text: str | None, seconds: int | None) -> None:
    for strict in (True, False):
        assert parse_cache_control(text, strict).seconds("max-age") == seconds


@pytest.mark.parametrize(
    "text", ["max-age=soon", "max-age=-5", "max-age=1.5", "max-age", "max-age=", "max-age=6 0", "max-age=１"]
)
def test_unreadable_lifetimes_are_stale_or_not_there(text: str) -> None:
    assert parse_cache_control(text, True).seconds("max-age") == 0
    assert parse_cache_control(text, False).seconds("max-age") is None


@pytest.mark.parametrize(
    ("text", "strict", "loose"),
    [("max-age=60, max-age=5", 5, 60), ("max-age=5, max-age=60", 5, 5), ("max-age=x, max-age=60", 0, None)],
)
def test_the_same_lifetime_twice(text: str, strict: int, loose: int | None) -> None:
    assert parse_cache_control(text, True).seconds("max-age") == strict
    assert parse_cache_control(text, False).seconds("max-age") == loose


@pytest.mark.parametrize("name", ["no-cache", "private"])
def test_field_names_and_the_bare_form(name: str) -> None:
    named = parse_cache_control(f'{name}="Set-Cookie, X-Own"')
    assert name in named
    assert not named.bare(name)
    assert named.names(name) == {"set-cookie", "x-own"}
    assert parse_cache_control(f"{name}=X").names(name) == {"x"}
    both = parse_cache_control(f'{name}="X", {name}="Y"')
    assert both.names(name) == {"x", "y"}
    for text in (name, f"{name}=", f'{name}=""', f'{name}, {name}="X"', f'{name}="X", {name}'):
        assert parse_cache_control(text).bare(name), text
        assert parse_cache_control(text).names(name) == set()


def test_nothing_is_nothing() -> None:
    assert not NONE
    assert parse_cache_control("x")
    assert "x" not in NONE


@given(st.text(max_size=60), st.booleans())
def test_no_text_is_too_odd(text: str, strict: bool) -> None:
    found = parse_cache_control(text, strict)
    assert all(name == name.lower() for name in found.values)
    assert parse_targeted(text) is None or parse_targeted(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("max-age=60", {"max-age": "60"}),
        ("max-age=60, no-store", {"max-age": "60", "no-store": None}),
        ("max-age=60;x=1;y, private", {"max-age": "60", "private": None}),
        ("no-store=?1, private=?0", {"no-store": None}),
        ("a=tok/en:x, b=:aGk=:, c=-1.5", {"a": "tok/en:x", "b": "aGk=", "c": "-1.5"}),
        ('no-cache="X-A, X-B"', {"no-cache": "X-A, X-B"}),
        ('a="q\\"\\\\"', {"a": 'q"\\'}),
        ("max-age=60, max-age=5", {"max-age": "5"}),
        ("  max-age=60\t,\tno-store  ", {"max-age": "60", "no-store": None}),
        ('max-age="60"', {}),
        ("max-age=?1", {"max-age": None}),
    ],
)
def test_structured_fields(text: str, values: dict[str, str | None]) -> None:
    found = parse_targeted(text)
    assert found is not None
    if text != "max-age=?1":
        assert dict(found.values) == values


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Max-Age=60",
        "max-age=60,",
        "max-age=60 no-store",
        "max-age=60,,x",
        "max-age= 60",
        "max-age=(1 2",
        'a="x',
        "1a",
        "a;B",
        "a;b=",
        "a=1.2345",
        "a=\u00e9",
        "a;=1",
    ],
)
def test_broken_structured_fields_are_ignored_whole(text: str) -> None:
    assert parse_targeted(text) is None


def test_no_targeted_field() -> None:
    assert parse_targeted(None) is None
