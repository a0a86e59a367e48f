"""Which URLs the Resource of a policy covers (spec §10.3)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.core.signed_policy import Asked, covers, matches, moment, span


def asked(url: str) -> Asked:
    scheme, _, rest = url.partition("://")
    host, _, tail = rest.partition("/")
    path, _, query = tail.partition("?")
    return Asked(scheme, host, "/" + path, query)


@pytest.mark.parametrize(
    ("resource", "url", "covered"),
    [
        ("*", "http://a.test/any/thing?x=1", True),
        ("https://www.example.com/hello*world", "https://www.example.com/helloworld", True),
        ("https://www.example.com/hello*world", "https://www.example.com/hello-world", True),
        ("https://www.example.com/hello*world", "https://www.example.net/hello?world", False),
        ("https://www.example.com/hello*world", "https://www.example.com/hello?world", False),
        ("https://d.test/*game_download.zip*", "https://d.test/game_download.zip", True),
        ("https://d.test/*game_download.zip*", "https://d.test/example_game_download.zip?license=yes", True),
        ("https://d.test/*game_download.zip", "https://d.test/example_game_download.zip?license=yes", False),
        ("http://d.test/a", "https://d.test/a", False),
        ("*://d.test/a", "https://d.test/a", True),
        ("http*://d.test/a", "http://d.test/a", True),
        ("http*://d.test/a", "https://d.test/a", True),
        ("http?://d.test/a", "https://d.test/a", True),
        ("http?://d.test/a", "http://d.test/a", False),
        ("d.test/a", "http://d.test/a", False),
        ("*d.test/a", "http://www.d.test/a", True),
        ("*d.test/a", "https://d.test/a", True),
        ("*d.test/a", "https://d.test/b", False),
        ("https://d.test*", "https://d.test/any/thing?x=1", True),
        ("https://d*", "https://d.test/any/thing?x=1", True),
        ("https://d*", "https://e.test/", False),
        ("https://*.test/a", "https://d.test/a", True),
        ("https://*/a", "https://d.test/b/a", False),
        ("https://d.test/*/a", "https://d.test/b/c/a", True),
        ("https://d.test/*", "https://d.test/", True),
        ("https://d.test/*", "https://d.test/a/b?c=d", True),
        ("https://d.test/a", "https://d.test/a?c=d", False),
        ("https://d.test/a?c=d", "https://d.test/a?c=d", True),
        ("https://d.test/a\\?c=d", "https://d.test/a?c=d", True),
        ("https://d.test/a\\?c=d", "https://d.test/abc=d", False),
        ("https://d.test/a?c=*", "https://d.test/a?c=d&e=f", True),
        ("https://d.test/a?c=*", "https://d.test/a", False),
        ("https://d.test/a?b", "https://d.test/axb", True),
        ("https://d.test/a?b", "https://d.test/a?b", True),
        ("https://d.test/?.zip?x=?", "https://d.test/a.zip?x=1", True),
        ("https://d.test/?.zip?x=?", "https://d.test/a.zip?x=12", False),
        ("https://D.test/a", "https://d.TEST/a", True),
        ("https://d.test/A", "https://d.test/a", False),
        ("https://d.test", "https://d.test/", True),
        ("https://d.test", "https://d.test/a", False),
    ],
)
def test_resources(resource: str, url: str, covered: bool) -> None:
    assert covers(resource, asked(url)) is covered


LETTERS = st.text("ab*?", max_size=10)


@given(LETTERS, st.text("ab", max_size=12))
def test_wildcards_are_those_of_an_expression(pattern: str, text: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(char, char) for char in pattern)
    assert matches(pattern, text) is bool(re.fullmatch(expression, text))


def test_many_wildcards_take_no_time() -> None:
    assert not matches("*a" * 500, "a" * 2_000 + "b")


WORD = st.text("abc/", min_size=1, max_size=6)


@given(WORD, WORD, WORD)
def test_a_star_inside_the_path_never_takes_the_query(start: str, end: str, query: str) -> None:
    resource = f"https://d.test/{start}*{end}"
    assert covers(resource, asked(f"https://d.test/{start}x{end}"))
    assert not covers(resource, asked(f"https://d.test/{start}x{end}?{query}"))
    assert covers(resource + "*", asked(f"https://d.test/{start}x{end}?{query}"))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (200_000, "2 days")]
)
def test_spans(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_a_time_beyond_any_calendar() -> None:
    assert moment(0) == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert moment(253_402_300_799) == "Fri, 31 Dec 9999 23:59:59 GMT"
    assert moment(9_223_372_036_854_775_807) == "9223372036854775807"
