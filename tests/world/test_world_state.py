"""The World's own questions: whose host is this, what time is it, what does an edge know."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from small_worlds import START, TWO_EDGES, configure, world

from edgesim.world.changes import apply
from edgesim.world.state import World, host_name


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("www.harbour.test", "harbour"),
        ("WWW.Harbour.Test:8080", "harbour"),
        ("www.harbour.test.", "harbour"),
        ("a.harbour.test", "harbour"),
        ("a.b.harbour.test", "harbour"),
        ("x.deep.harbour.test", "deep"),  # the more specific wildcard wins, though its distribution is disabled
        ("deep.harbour.test", "harbour"),
        ("harbour.test", None),
        (".harbour.test", None),
        ("localhost:80", "harbour"),
        ("127.0.0.1", "harbour"),
        ("127.0.0.1:8080", "harbour"),
        ("[::1]:8080", "harbour"),
        ("[::1]", "harbour"),
        ("127.0.0.2", None),
        ("", None),
        ("other.test", None),
    ],
)
def test_a_host_finds_its_distribution(host: str, name: str | None) -> None:
    state = world()
    ids = {entry.name: id for entry, id in zip(state.file.distributions, state.distributions, strict=True)}
    found = state.distribution_for(host)
    assert (found and found.id) == (ids[name] if name else None)


def test_a_distributions_own_domain_is_a_host_too() -> None:
    state = world()
    for distribution in state.distributions.values():
        assert state.distribution_for(distribution.domain + ":443") is distribution


def test_host_names() -> None:
    assert host_name("[2001:DB8::1]:443") == "2001:db8::1"
    assert host_name(" A.b:1 ") == "a.b"


def test_the_clock_starts_as_the_file_says() -> None:
    assert world().simulated_now(START + 5) == START + 5
    text = TWO_EDGES + 'clock: { start: "2026-03-01T12:00:00+01:00", speed: 60 }\n'
    noon = datetime(2026, 3, 1, 11, tzinfo=UTC).timestamp()
    assert world(text).simulated_now(START + 2) == noon + 120
    assert world(text.replace("speed: 60", "paused: true")).simulated_now(START + 2) == noon


def test_edges_have_their_settings() -> None:
    state = world()
    assert [site.pop for site in state.sites] == ["LHR61-C2", "SYD62-C1"]
    assert state.edges["LHR61-C2"].cache == 64_000_000
    assert state.edges["SYD62-C1"].cache == 1_000_000


def test_changes_reach_edges_one_by_one_and_in_order() -> None:
    text = TWO_EDGES + "propagation: { distributions: 100 s }\n"
    state = world(text)
    later = apply(state, configure(text.replace("enabled: false", "enabled: true"), START + 10))
    deep = next(id for id, one in state.distributions.items() if not one.enabled)

    def enabled(state: World, pop: str, now: float) -> bool:
        found = state.distribution_at(pop, "x.deep.harbour.test", now)
        assert found is not None
        return found.enabled

    assert not later.deployed(deep, START + 109)
    assert later.deployed(deep, START + 110)
    pops = sorted(state.edges)
    arrivals = {pop: min(t for t in range(0, 111) if enabled(later, pop, START + t)) for pop in pops}
    assert len(set(arrivals.values())) == 2
    assert all(10 <= t <= 110 for t in arrivals.values())
    assert all(enabled(later, pop, START + 110) for pop in pops)
    # Another change on the way: an edge sees the one after the other, never a mix.
    again = apply(later, configure(text, START + 20))
    for pop in pops:
        seen = [enabled(again, pop, START + t) for t in range(130)]
        assert seen[0] is False
        assert seen[-1] is False
        assert sum(a != b for a, b in pairwise(seen)) == 2


def test_without_propagation_a_change_is_everywhere_at_once() -> None:
    later = apply(world(), configure(TWO_EDGES.replace("enabled: false", "enabled: true"), START + 10))
    found = later.distribution_at("LHR61-C2", "x.deep.harbour.test", START)
    assert found is not None
    assert found.enabled
    assert not later.versions
