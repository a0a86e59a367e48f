"""The store against a naive list: least recently used out first, bytes counted, variants by Vary."""

from __future__ import annotations

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edgesim.core.bodies import Body
from edgesim.core.freshness import Lifetime
from edgesim.core.keys import Key
from edgesim.core.messages import Request
from edgesim.core.ranges import Parts
from edgesim.core.reasons import LifetimeRule
from edgesim.core.store import ENTRY_OVERHEAD, Entry, Store


def key(path: str) -> Key:
    return Key(f"E1\x1f{path}", path, "E1")


def entry(path: str = "/a", size: int = 10, *, lang: str | None = None, received: float = 0.0) -> Entry:
    made = Entry(key(path), 200, "", CIMultiDict(), Body(bytes(size)), received, Lifetime(60, LifetimeRule.MAX_AGE))
    if lang is not None:
        made.selecting, made.variant = (("x-lang", lang),), f"\x1ex-lang={lang}"
    return made


def request(lang: str | None = None) -> Request:
    return Request("GET", "/a", CIMultiDict([("X-Lang", lang)] if lang is not None else []))


paths = st.sampled_from(["/a", "/b", "/c", "/d", "/e"])
acts = st.lists(st.tuples(st.sampled_from(["put", "put", "get", "drop"]), paths, st.integers(0, 900)), max_size=40)


@given(acts)
def test_as_a_naive_lru_would(order: list[tuple[str, str, int]]) -> None:
    capacity, largest = 5 * ENTRY_OVERHEAD, 2 * ENTRY_OVERHEAD
    store, naive = Store(capacity, largest), OrderedDict[str, Entry]()
    for act, path, size in order:
        if act == "get":
            assert store.find(key(path), request()).entry is naive.get(path)
            if path in naive:
                naive.move_to_end(path)
        elif act == "drop":
            known = naive.pop(path, None)
            assert known is None or store.drop(known)
        else:
            made = entry(path, size)
            naive.pop(path, None)
            gone = []
            if made.size <= largest:
                while sum(one.size for one in naive.values()) + made.size > capacity:
                    gone.append(naive.popitem(last=False)[1])
                naive[path] = made
            put = store.put(made)
            assert put.kept is (made.size <= largest)
            assert list(put.evicted) == gone
        assert store.used == sum(one.size for one in naive.values())
        assert set(store.entries()) == set(naive.values())
        assert len(store) == len(naive) == len(store.names())


langs = st.one_of(st.none(), st.sampled_from(["de", "en", "fr"]))


@given(st.lists(st.tuples(st.sampled_from(["put", "get", "drop"]), langs, st.integers(0, 700)), max_size=30))
def test_variants_are_found_while_they_are_held(order: list[tuple[str, str | None, int]]) -> None:
    store, time = Store(4 * ENTRY_OVERHEAD), 0.0
    held: dict[str | None, Entry] = {}
    for act, lang, size in order:
        time += 1
        if act == "put":
            made = entry(size=size, lang=lang, received=time)
            put = store.put(made)
            if put.kept:
                held[lang] = made
            else:
                held.pop(lang, None)
            held = {name: one for name, one in held.items() if one not in put.evicted}
        elif act == "drop" and lang in held:
            assert store.drop(held.pop(lang))
        matching = [one for name, one in held.items() if name is None or name == lang]
        found = store.find(key("/a"), request(lang))
        assert found.entry is max(matching, key=lambda one: one.received, default=None)
        assert set(store.entries()) == set(held.values())
    assert store.drop_key(key("/a")) == len(held)
    assert len(store) == 0
    assert store.find(key("/a"), request()).variants == 0


def test_replacing_does_not_push_out_others() -> None:
    store = Store(4 * ENTRY_OVERHEAD)
    other = entry("/b", 10)
    store.put(other)
    store.put(entry("/a", ENTRY_OVERHEAD))
    put = store.put(entry("/a", ENTRY_OVERHEAD + 20))
    assert put.kept
    assert put.evicted == ()
    assert store.find(key("/b"), request()).entry is other


def test_what_is_too_large_takes_its_predecessor_along() -> None:
    store = Store(10_000, 1_000)
    store.put(entry(size=10))
    assert not store.put(entry(size=5_000)).kept
    assert store.find(key("/a"), request()).entry is None
    assert store.used == 0


def test_dropping_what_was_replaced_changes_nothing() -> None:
    store, old, new = Store(10_000), entry(), entry()
    store.put(old)
    store.put(new)
    assert not store.drop(old)
    assert store.find(key("/a"), request()).entry is new
    store.clear()
    assert len(store) == store.used == 0


def test_parts_are_charged_by_what_is_held() -> None:
    partial = entry()
    partial.parts = Parts(1_000)
    partial.parts.add(0, bytes(100))
    assert partial.size == 100 + ENTRY_OVERHEAD


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.integers(0, 10**6))
def test_age_never_shrinks_and_freshness_ends_once(start: float, initial: float, lifetime: int) -> None:
    made = entry(received=start)
    made.initial_age, made.lifetime = initial, Lifetime(lifetime, LifetimeRule.MAX_AGE)
    moments = [start + step for step in (-5, 0, 1, 10, 1e3, 1e6)]
    ages = [made.age(moment) for moment in moments]
    assert ages == sorted(ages)
    assert ages[0] >= 0
    fresh = [made.fresh(moment) for moment in moments]
    assert fresh == sorted(fresh, reverse=True)
    assert made.fresh(made.expires - 1) or made.expires - 1 < start - initial
    assert not made.fresh(made.expires + 1)
