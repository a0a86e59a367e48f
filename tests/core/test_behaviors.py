"""Path patterns against a naive matcher, and how paths are brought into one form for matching."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.core.behaviors import compile_pattern, match_behavior, normalise_path
from support.playbook import behavior, distribution

alphabet = st.text("ab/.", max_size=6)


def matches(pattern: str, path: str) -> bool:
    """Character by character, by the words of spec §7.10."""
    if not pattern:
        return not path
    if pattern[0] == "*":
        return any(matches(pattern[1:], path[skip:]) for skip in range(len(path) + 1))
    return bool(path) and pattern[0] in ("?", path[0]) and matches(pattern[1:], path[1:])


@given(st.text("ab/.*?", min_size=1, max_size=6), alphabet)
def test_patterns_match_as_their_words_say(pattern: str, rest: str) -> None:
    path = "/" + rest
    anchored = pattern if pattern[0] in "/*" else "/" + pattern
    assert (compile_pattern(pattern).fullmatch(path) is not None) is matches(anchored, path)


@given(st.lists(st.text("ab/*?", min_size=1, max_size=4), max_size=4), alphabet)
def test_the_first_match_wins(patterns: list[str], rest: str) -> None:
    served = distribution(*(behavior(pattern) for pattern in patterns), behavior("*"))
    found = match_behavior(served, "/" + rest)
    normal = normalise_path("/" + rest)
    fits = [pattern == "*" or compile_pattern(pattern).fullmatch(normal) is not None for pattern in [*patterns, "*"]]
    assert found.index == fits.index(True)
    assert found.behavior is served.behaviors[found.index]
    assert found.passed_over == tuple(patterns[: found.index])


def test_there_is_always_a_default() -> None:
    with pytest.raises(LookupError):
        match_behavior(distribution(behavior("/a")), "/b")


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("//a//b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/b/..", "/a/"),
        ("/a/b/../", "/a/"),
        ("/a/../../b", "/b"),
        ("/..", "/"),
        ("/a/.", "/a/"),
        ("///", "/"),
        ("/a/...", "/a/..."),
        ("/.hidden", "/.hidden"),
        ("/%61%2D%7e", "/a-~"),
        ("/a%2Fb%20c%3F", "/a%2Fb%20c%3F"),
        ("/a/%2e%2E/b", "/b"),
    ],
)
def test_normal_form(path: str, normal: str) -> None:
    assert normalise_path(path) == normal


@given(st.text("ab/.%2e", max_size=10))
def test_the_normal_form_is_normal(rest: str) -> None:
    once = normalise_path("/" + rest)
    assert once.startswith("/")
    assert "//" not in once
    if "%" not in once:
        assert normalise_path(once) == once
