from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.core.latency import REMEMBERED, LatencyModel
from edgesim.core.places import Place, PlaceKind
from edgesim.core.routing import PRICE_CLASSES, EdgeSite, Exclusion, Routes, nearest_regional
from edgesim.world.gazetteer import Gazetteer

GAZETTEER = Gazetteer.load()
MODEL = GAZETTEER.latency_model()
WORLD = GAZETTEER.worldwide_edges()
POPS = [site.pop for site in WORLD]
ROUTES = Routes(WORLD, MODEL)
NONE: frozenset[str] = frozenset()

viewers = st.builds(
    lambda latitude, longitude: Place("", "", latitude, longitude, PlaceKind.POINT),
    st.floats(-90, 90),
    st.floats(-180, 180),
)


def nearest_by_hand(
    sites: list[EdgeSite], model: LatencyModel, viewer: Place, price_class: str, down: frozenset[str]
) -> str | None:
    best: tuple[float, str] | None = None
    for site in sites:
        if site.pop in down or price_class not in site.price_classes:
            continue
        this = (model.viewer_rtt(viewer, site.place), site.pop)
        if best is None or this < best:
            best = this
    return best[1] if best else None


@given(viewers, st.sampled_from(PRICE_CLASSES), st.frozensets(st.sampled_from(POPS)))
def test_the_choice_is_the_least_time_among_the_eligible(viewer: Place, price_class: str, down: frozenset[str]) -> None:
    choice = ROUTES.choose(viewer, price_class, down)
    assert choice.pop == nearest_by_hand(list(WORLD), MODEL, viewer, price_class, down)
    assert sorted(candidate.pop for candidate in choice.candidates) == sorted(POPS)
    assert list(choice.candidates) == sorted(choice.candidates, key=lambda one: (one.rtt_ms, one.pop))
    for candidate in choice.candidates:
        assert (candidate.excluded is Exclusion.STOPPED) == (candidate.pop in down)


@pytest.mark.parametrize("iata", [iata for iata, metro in GAZETTEER.metros.items() if metro.price_classes])
def test_a_viewer_in_a_metro_gets_its_edge(iata: str) -> None:
    choice = ROUTES.choose(GAZETTEER.find(iata), "PriceClass_All", NONE)
    assert choice.pop == GAZETTEER.metros[iata].example_code
    assert choice.rtt_ms == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("viewer", "price_class", "expected"),
    [
        ("Sydney", "PriceClass_All", "SYD"),
        ("Sydney", "PriceClass_200", "CGK"),
        ("São Paulo", "PriceClass_All", "GRU"),
        ("São Paulo", "PriceClass_200", "MIA"),
        ("Seoul", "PriceClass_100", "YVR"),
        ("Tokyo", "PriceClass_200", "NRT"),
        ("London", "PriceClass_100", "LHR"),
        ("Canberra", "PriceClass_All", "SYD"),
    ],
)
def test_price_classes_move_viewers(viewer: str, price_class: str, expected: str) -> None:
    assert str(ROUTES.choose(GAZETTEER.find(viewer), price_class, NONE).pop)[:3] == expected


def test_price_class_100_sends_sydney_to_north_america_or_europe() -> None:
    choice = ROUTES.choose(GAZETTEER.find("Sydney"), "PriceClass_100", NONE)
    assert choice.pop is not None
    assert GAZETTEER.edge_site(choice.pop).pricing_region in {"us_mx_ca", "eu_il_tr"}
    assert choice.candidates[0].pop.startswith("SYD")
    assert choice.candidates[0].excluded is Exclusion.OUTSIDE_PRICE_CLASS


def test_a_stopped_edge_gives_way_to_the_next() -> None:
    sydney = GAZETTEER.find("Sydney")
    first = ROUTES.choose(sydney, "PriceClass_All", NONE)
    second = ROUTES.choose(sydney, "PriceClass_All", frozenset({str(first.pop)}))
    assert second.pop == first.candidates[1].pop
    assert second.candidates[0].excluded is Exclusion.STOPPED


def test_a_pinned_edge_wins_from_anywhere_and_outside_the_price_class() -> None:
    pinned = GAZETTEER.edge_site("SYD").pop
    choice = ROUTES.choose(GAZETTEER.find("London"), "PriceClass_100", NONE, pinned)
    assert choice.pop == pinned
    assert choice.rtt_ms > 200
    others = {candidate.excluded for candidate in choice.candidates if candidate.pop != pinned}
    assert others == {Exclusion.NOT_THE_PINNED_EDGE}


@pytest.mark.parametrize(
    ("pinned", "own"), [("SYD1-C1", Exclusion.STOPPED), ("XYZ9-C9", None)], ids=["stopped", "unknown"]
)
def test_nothing_replaces_a_pinned_edge_that_cannot_answer(pinned: str, own: Exclusion | None) -> None:
    choice = ROUTES.choose(GAZETTEER.find("London"), "PriceClass_All", frozenset({"SYD1-C1"}), pinned)
    assert (choice.pop, choice.rtt_ms) == (None, 0.0)
    assert {candidate.pop: candidate.excluded for candidate in choice.candidates}.get(pinned) is own


@pytest.mark.parametrize("pinned", [None, "PEK50-P1"])
def test_mainland_china_is_a_partition_of_its_own(pinned: str | None) -> None:
    routes = Routes([GAZETTEER.edge_site("PEK")], MODEL)
    choice = routes.choose(GAZETTEER.find("Beijing"), "PriceClass_All", NONE, pinned)
    assert choice.pop is None
    assert choice.candidates[0].excluded is Exclusion.PARTITIONED


def test_no_edges_no_choice() -> None:
    choice = Routes([], MODEL).choose(GAZETTEER.find("London"), "PriceClass_All", NONE)
    assert (choice.pop, choice.candidates) == (None, ())


def test_ties_go_to_the_lesser_code() -> None:
    sites = [GAZETTEER.edge_site(code) for code in ("SYD62-P2", "SYD4-C2", "SYD62-P1")]
    assert Routes(sites, MODEL).choose(GAZETTEER.find("Perth"), "PriceClass_All", NONE).pop == "SYD4-C2"


def test_access_adds_to_every_edge_alike() -> None:
    sydney = GAZETTEER.find("Sydney")
    fibre = ROUTES.choose(sydney, "PriceClass_All", NONE)
    satellite = Routes(WORLD, MODEL, "geo_satellite").choose(sydney, "PriceClass_All", NONE)
    assert satellite.pop == fibre.pop
    assert satellite.rtt_ms - fibre.rtt_ms == pytest.approx(MODEL.last_mile["geo_satellite"] - MODEL.last_mile["fibre"])


def test_answers_are_remembered_for_a_bounded_number_of_places() -> None:
    routes = Routes(WORLD[:1], MODEL)
    sydney = GAZETTEER.find("Sydney")
    assert routes.choose(sydney, "PriceClass_All", NONE) is routes.choose(sydney, "PriceClass_All", NONE)
    for step in range(REMEMBERED + 10):
        routes.choose(Place("", "", step / 100, 0, PlaceKind.POINT), "PriceClass_All", NONE)
    assert len(routes._ranked) == len(routes._choices) == REMEMBERED


def test_mistakes_of_the_caller_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown price class 'PriceClass_300'"):
        ROUTES.choose(GAZETTEER.find("London"), "PriceClass_300", NONE)
    with pytest.raises(ValueError, match="same POP code"):
        Routes([WORLD[0], WORLD[0]], MODEL)


def test_the_regional_cache_is_the_least_backbone_time_away() -> None:
    regions = {name: cache.place for name, cache in GAZETTEER.regional_caches.items()}
    for site in WORLD:
        times = {name: MODEL.backbone_rtt(site.place, place) for name, place in regions.items()}
        assert times[nearest_regional(site.place, regions, MODEL)] == min(times.values())
