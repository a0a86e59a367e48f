"""Changes on their way to the edges: each edge has the old configuration or the new one, in order, never a mix."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from small_worlds import START, TWO_EDGES, world

from edgesim.core.behaviors import Distribution
from edgesim.world.catalogue import deploy
from edgesim.world.state import World

DELAY = 100.0
BASE = world(TWO_EDGES + "propagation: { distributions: 100 s }\n")
POPS = [*BASE.edges, "JFK50-P1", "NRT57-C1", "GRU1-C1"]
IDS = ("ENEW0000000001", "ENEW0000000002", "ENEW0000000003")


def version(id: str, number: int) -> Distribution:
    """One configuration of a distribution; everything in it says which."""
    usual = next(iter(BASE.distributions.values()))
    return replace(
        usual,
        id=id,
        domain=f"{id.lower()}.cloudfront.net",
        aliases=(f"v{number}.{id.lower()}.test",),
        default_root_object=f"{number}.html",
        price_class="PriceClass_All" if number % 2 else "PriceClass_100",
        errors={},
    )


changes = st.lists(
    st.tuples(st.floats(0, 60), st.sampled_from(IDS), st.one_of(st.none(), st.integers(1, 99))), min_size=1, max_size=12
)
"""Seconds after the change before, what changes, and into which configuration; None deletes it."""

Change = tuple[float, str, Distribution | None]


def made(steps: list[tuple[float, str, int | None]]) -> tuple[World, list[Change]]:
    """The World after all changes, and what was done when."""
    state, now, done = BASE, START, list[Change]()
    for wait, id, number in steps:
        now += wait
        new = None if number is None else version(id, number)
        there = {other: one for other, one in state.distributions.items() if other != id}
        if state.distributions.get(id) != new:
            done.append((now, id, new))
        state = deploy(state, there if new is None else {**there, id: new}, now)
    return state, done


def history(done: list[Change], id: str) -> list[Distribution | None]:
    """Everything that a distribution has been, in order; before its creation it was not there."""
    return [None, *(new for _, other, new in done if other == id)]


@settings(max_examples=150, deadline=None)
@given(changes)
def test_an_edge_goes_through_the_versions_in_order_and_skips_none_for_a_mix(
    steps: list[tuple[float, str, int | None]],
) -> None:
    state, done = made(steps)
    last = START + sum(wait for wait, _, _ in steps)
    for id in IDS:
        states = history(done, id)
        for pop in POPS:
            reached = 0
            for quarter in range(0, 44):
                now = last + quarter * 2.5
                seen = state.version_at(pop, id, now)
                later = [place for place in range(reached, len(states)) if states[place] == seen]
                assert later, "an edge went back, or has what was never deployed"
                reached = later[0]
            assert seen == states[-1]


@settings(max_examples=150, deadline=None)
@given(changes, st.floats(-50, 150))
def test_deployed_means_that_all_edges_have_it_as_it_is_now(
    steps: list[tuple[float, str, int | None]], after: float
) -> None:
    state, done = made(steps)
    now = START + sum(wait for wait, _, _ in steps) + after
    for id in IDS:
        when = [at for at, other, _ in done if other == id]
        waiting = bool(when) and when[-1] + DELAY > now
        if after >= 0:
            assert state.deployed(id, now) is not waiting
        if state.deployed(id, now):
            assert all(state.version_at(pop, id, now) == state.distributions.get(id) for pop in POPS)


@settings(max_examples=100, deadline=None)
@given(changes, st.floats(0, 120))
def test_hosts_lead_to_whole_configurations(steps: list[tuple[float, str, int | None]], after: float) -> None:
    """What answers to an alias has that alias: name and settings are of one version."""
    state, done = made(steps)
    now = START + sum(wait for wait, _, _ in steps) + after
    for _, id, new in done:
        if new is None:
            continue
        for pop in POPS:
            found = state.distribution_at(pop, new.aliases[0], now)
            assert (found is not None) == (new == state.version_at(pop, id, now))
            assert found is None or found == new


def test_a_creation_and_a_deletion_arrive_edge_by_edge() -> None:
    id = IDS[0]
    new = version(id, 1)
    created = deploy(BASE, {**BASE.distributions, id: new}, START)
    there = [[created.version_at(pop, id, START + t) is not None for pop in POPS] for t in range(101)]
    assert not any(there[0])
    assert all(there[100])
    assert any(0 < sum(row) < len(POPS) for row in there)
    deleted = deploy(created, dict(BASE.distributions), START + 200)
    there = [
        [deleted.distribution_at(pop, new.domain, START + 200 + t) is not None for pop in POPS] for t in range(101)
    ]
    assert all(there[0])
    assert not any(there[100])
    assert any(0 < sum(row) < len(POPS) for row in there)
    assert not deleted.deployed(id, START + 299)
    assert deleted.deployed(id, START + 300)


def test_tls_follows_the_newest_configuration_at_once() -> None:
    """A handshake asks ``distribution_for``; requests ask ``distribution_at``."""
    id = IDS[0]
    old, new = version(id, 1), replace(version(id, 2), certificate="other")
    state = deploy(deploy(BASE, {**BASE.distributions, id: old}, START), {**BASE.distributions, id: new}, START + 200)
    found = state.distribution_for(new.aliases[0])
    assert found is not None
    assert found.certificate == "other"
    assert state.distribution_for(old.aliases[0]) is None
    assert all(state.distribution_at(pop, old.aliases[0], START + 200) == old for pop in POPS)


@settings(max_examples=150, deadline=None)
@given(changes)
def test_a_new_change_alters_nothing_that_an_edge_has_already(steps: list[tuple[float, str, int | None]]) -> None:
    now = START
    for count, (wait, _, _) in enumerate(steps):
        before, after = made(steps[:count])[0], made(steps[: count + 1])[0]
        now += wait
        for id in IDS:
            for pop in POPS:
                assert after.version_at(pop, id, now) == before.version_at(pop, id, now)
