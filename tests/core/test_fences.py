"""Invalidations against a naive reading of the whole history."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edgesim.core.bodies import Body
from edgesim.core.cache import Cache, Tier
from edgesim.core.fences import Fences
from edgesim.core.freshness import Lifetime
from edgesim.core.keys import Key
from edgesim.core.messages import Request
from edgesim.core.reasons import LifetimeRule
from edgesim.core.store import Entry, Store

uris = st.text("ab/*", max_size=3).map("/".__add__)
patterns = st.one_of(uris, uris.map(lambda uri: uri + "*"))


def covers(pattern: str, uri: str) -> bool:
    return uri.startswith(pattern[:-1]) if pattern.endswith("*") else uri == pattern


def entry(uri: str, sequence: int) -> Entry:
    made = Entry(
        Key(f"E1\x1f{uri}", uri, "E1"), 200, "", CIMultiDict(), Body(b"x"), 0.0, Lifetime(9, LifetimeRule.MAX_AGE)
    )
    made.sequence = sequence
    return made


@given(st.lists(st.lists(patterns, min_size=1, max_size=3), max_size=6), uris, st.integers(0, 6))
def test_as_the_whole_history_says(batches: list[list[str]], uri: str, began: int) -> None:
    fences = Fences()
    for batch in batches:
        fences.invalidate("E1", tuple(batch))
    later = [pattern for batch in batches[began:] for pattern in batch]
    assert fences.passed("E1", uri, min(began, len(batches))) is not any(covers(one, uri) for one in later)
    assert fences.passed("E2", uri, 0)
    assert fences.holds(entry(uri, began)) is not any(covers(one, uri) for one in later)


acts = st.lists(
    st.tuples(st.sampled_from(["begin", "end", "invalidate", "sweep", "look"]), uris, st.integers(0, 3)), max_size=40
)


@given(acts)
def test_nothing_that_began_before_an_invalidation_is_found_after_it(order: list[tuple[str, str, int]]) -> None:
    """Fetches begin, end and are stored while invalidations and sweeps come in any order; fences may be forgotten."""
    cache = Cache("here", Tier.EDGE, Store(10**6))
    flying: list[tuple[int, str, int]] = []
    history: list[str] = []
    stored: dict[str, int] = {}
    for act, uri, which in order:
        if act == "begin":
            flying.append((cache.begin(), uri, len(history)))
        elif act == "end" and flying:
            token, path, began = flying.pop(which % len(flying))
            made = entry(path, cache.under_way[token])
            if cache.fences.holds(made):
                cache.store.put(made)
                stored[path] = began
            cache.end(token)
        elif act == "invalidate":
            pattern = uri + "*" if which else uri
            cache.invalidate("E1", (pattern,))
            history.append(pattern)
        elif act == "sweep":
            fence = cache.fences.now()
            cache.sweep(cache.store.names())
            cache.swept(fence)
        for path, began in stored.items():
            found = cache.find(Key(f"E1\x1f{path}", path, "E1"), Request("GET", path)).entry
            valid = not any(covers(pattern, path) for pattern in history[began:])
            assert (found is not None) is valid
    for token, _, _ in flying:
        cache.end(token)
    cache.sweep(cache.store.names())
    cache.swept(cache.fences.now())
    assert len(cache.fences) == 0, "nothing is left behind"


def test_one_uri_as_it_stands() -> None:
    fences = Fences()
    fences.invalidate_one("E1", "/a*")
    assert not fences.passed("E1", "/a*", 0)
    assert fences.passed("E1", "/ab", 0)


def test_forgetting_one_key_fences_only_what_is_on_its_way() -> None:
    cache = Cache("here", Tier.EDGE, Store(10**6))
    cache.store.put(entry("/a", 0))
    cache.forget(Key("E1\x1f/a", "/a", "E1"))
    assert len(cache.store) == 0
    assert len(cache.fences) == 0
    token = cache.begin()
    cache.forget(Key("E1\x1f/a", "/a", "E1"))
    assert not cache.fences.holds(entry("/a", cache.under_way[token]))
    assert cache.unswept


@given(st.lists(st.lists(patterns, min_size=1, max_size=20), max_size=4), st.lists(uris, max_size=20), st.booleans())
def test_what_is_caught_is_always_suspected(batches: list[list[str]], paths: list[str], whole: bool) -> None:
    fences = Fences()
    entries = [entry(uri, 0) for uri in paths]
    if whole:  # a standard cache's keys are whole URIs
        for one in entries:
            one.key = Key(f"E1\x1fhttps://example.test{one.key.uri}", one.key.uri, "E1")
    for batch in batches:
        fences.invalidate("E1", tuple(batch))
    suspected = set(fences.suspects([one.key.text for one in entries]))
    caught = fences.caught(entries)
    assert {one.key.text for one in caught} <= suspected
    assert caught == [one for one in entries if not fences.holds(one)]
    if not batches:
        assert not suspected


def test_an_invalidation_of_other_paths_leaves_no_suspects() -> None:
    fences = Fences()
    fences.invalidate("E1", ("/a*", "/b"))
    names = [f"E1\x1f/c/{number}" for number in range(10)]
    assert fences.suspects([*names, "E1\x1f/ab", "E2\x1f/ab", "E1\x1f/b\x1fe:gzip"]) == [
        "E1\x1f/ab",
        "E1\x1f/b\x1fe:gzip",
    ]
