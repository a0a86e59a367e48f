from __future__ import annotations

from itertools import combinations
from statistics import mean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.core.latency import (
    DEFAULT_INFLATION,
    METRO_RADIUS_KM,
    LatencyModel,
    LegRule,
    UnknownAccess,
    floor_ms,
    jittered,
    world_region,
)
from edgesim.core.places import Place, PlaceKind, distance_km
from edgesim.world.gazetteer import Gazetteer

GAZETTEER = Gazetteer.load()
MODEL = GAZETTEER.latency_model()

anywhere = st.builds(
    lambda latitude, longitude, country, continent: Place(
        "", country, latitude, longitude, PlaceKind.POINT, continent=continent
    ),
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.sampled_from(["", "IN", "AE", "TR", "JP", "US"]),
    st.sampled_from(["", "NA", "SA", "EU", "AF", "AS", "OC", "AN"]),
)
near_a_region = st.builds(
    lambda region, north, east: Place(
        "", region.country, region.latitude + north, region.longitude + east, PlaceKind.POINT
    ),
    st.sampled_from(list(GAZETTEER.regions.values())),
    st.floats(-4, 4),
    st.floats(-4, 4),
)
places = st.one_of(anywhere, near_a_region)


@given(places, places)
def test_the_backbone_is_symmetric(a: Place, b: Place) -> None:
    assert MODEL.backbone_rtt(a, b) == pytest.approx(MODEL.backbone_rtt(b, a))
    assert MODEL.backbone_leg(a, b).how is MODEL.backbone_leg(b, a).how


@given(places, places)
def test_nothing_is_faster_than_light_in_fibre(a: Place, b: Place) -> None:
    least = floor_ms(distance_km(a, b))
    assert MODEL.backbone_rtt(a, b) >= least
    assert MODEL.viewer_rtt(a, b) >= least


@given(places, places, st.sampled_from(sorted(MODEL.last_mile)))
def test_every_leg_is_the_sum_of_its_parts(a: Place, b: Place, access: str) -> None:
    for leg in (MODEL.backbone_leg(a, b), MODEL.formula_leg(a, b), MODEL.viewer_leg(a, b, access)):
        assert leg.ms == pytest.approx(sum(ms for _, ms in leg.parts))
        assert leg.km == distance_km(a, b)
        assert leg.floor_ms == floor_ms(leg.km)


@given(places, places, st.sampled_from(sorted(MODEL.last_mile)))
def test_the_explained_viewer_path_is_the_plain_one(a: Place, b: Place, access: str) -> None:
    assert MODEL.viewer_leg(a, b, access).ms == pytest.approx(MODEL.viewer_rtt(a, b, access))


def test_the_formula_alone_predicts_the_measured_matrix() -> None:
    """The fit's own claim (edgesim/data/README.md): MAE below 20 ms, median error below 10 %."""
    errors, shares = [], []
    for a, b in combinations(GAZETTEER.regions, 2):
        measured = (MODEL.matrix[a, b] + MODEL.matrix[b, a]) / 2
        error = abs(MODEL.formula_leg(GAZETTEER.regions[a], GAZETTEER.regions[b]).ms - measured)
        errors.append(error)
        shares.append(error / measured)
    assert len(errors) == 496
    assert mean(errors) < 20
    assert median(shares) < 0.10


@pytest.mark.parametrize(("a", "b"), list(combinations(sorted(GAZETTEER.regions), 2)))
def test_between_two_regions_the_measurement_counts(a: str, b: str) -> None:
    leg = MODEL.backbone_leg(GAZETTEER.regions[a], GAZETTEER.regions[b])
    assert leg.how is LegRule.MEASURED
    assert leg.regions == (a, b)
    assert leg.ms == pytest.approx((MODEL.matrix[a, b] + MODEL.matrix[b, a]) / 2)


def test_sydney_to_virginia_is_the_measurement_and_nine_kilometres() -> None:
    leg = MODEL.backbone_leg(GAZETTEER.find("SYD"), GAZETTEER.regions["us-east-1"])
    assert leg.ms == pytest.approx(MODEL.matrix["ap-southeast-2", "us-east-1"], abs=0.5)
    assert [label for label, _ in leg.parts] == [
        "ap-southeast-2 to us-east-1, measured",
        "9 km to ap-southeast-2",
        "0 km to us-east-1",
    ]


def test_two_sites_at_one_region_are_measured_inside_it() -> None:
    leg = MODEL.backbone_leg(GAZETTEER.find("LHR"), GAZETTEER.find("MAN"))
    assert leg.how is LegRule.SAME_REGION
    assert leg.regions == ("eu-west-2",)
    assert leg.ms == pytest.approx(MODEL.matrix["eu-west-2", "eu-west-2"] + 2.07 * leg.floor_ms)


def test_beyond_the_radius_of_a_region_the_formula_takes_over() -> None:
    denver, virginia = GAZETTEER.find("DEN"), GAZETTEER.regions["us-east-1"]
    assert MODEL.nearest_region(denver)[1] > METRO_RADIUS_KM
    assert MODEL.backbone_leg(denver, virginia) == MODEL.formula_leg(denver, virginia)


def test_a_measurement_faster_than_light_is_lifted_to_the_floor() -> None:
    north = Place("", "", 50, 0, PlaceKind.REGION, "n")
    south = Place("", "", -50, 0, PlaceKind.REGION, "s")
    matrix = {(a, b): 1.0 for a in "ns" for b in "ns"}
    leg = LatencyModel({"n": north, "s": south}, matrix, {}, {}).backbone_leg(north, south)
    assert leg.how is LegRule.FIBRE_FLOOR
    assert leg.ms == leg.floor_ms == pytest.approx(111.3, abs=0.1)


def test_without_tables_the_default_factor_applies() -> None:
    tokyo, paris = GAZETTEER.find("NRT"), GAZETTEER.find("CDG")
    leg = LatencyModel({}, {}, {}, {}).backbone_leg(tokyo, paris)
    assert (leg.how, leg.inflation) == (LegRule.GREAT_CIRCLE, DEFAULT_INFLATION)


def test_a_pair_measured_one_way_only_is_not_measured() -> None:
    regions = {name: GAZETTEER.regions[name] for name in ("eu-west-1", "us-east-1")}
    one_way = LatencyModel(regions, {("eu-west-1", "us-east-1"): 70.0}, {}, {})
    assert one_way.backbone_leg(*regions.values()).how is LegRule.GREAT_CIRCLE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BOM", "IN"),
        ("DXB", "ME"),
        ("TLV", "ME"),
        ("IST", "EU"),
        ("Ankara", "EU"),
        ("CAI", "AF"),
        ("NRT", "AP"),
        ("SYD", "OC"),
        ("GRU", "SA"),
        ("QRO", "NA"),
        ("0,-30", ""),
    ],
)
def test_world_region(text: str, expected: str) -> None:
    assert world_region(GAZETTEER.find(text)) == expected


def test_every_aws_region_has_a_world_region() -> None:
    seen = {world_region(place) for place in GAZETTEER.regions.values()}
    assert seen == {"AF", "AP", "EU", "IN", "ME", "NA", "OC", "SA"}


def test_slower_access_is_slower() -> None:
    sydney = GAZETTEER.find("SYD")
    assert MODEL.viewer_rtt(sydney, sydney) == pytest.approx(5.0)
    assert MODEL.viewer_rtt(sydney, sydney, "geo_satellite") > 600


@pytest.mark.parametrize(
    ("viewer", "edge", "factor"),
    [
        ("RUH", "DXB", 2.05),  # one region, although the measured factor inside it is 6.67
        ("0,-30", "0,-30", 2.05),
        ("0,-30", "CPT", 2.05),  # nothing is known of the ocean: the default
        ("GRU", "CPT", 5.26 * 2.05 / 1.75),
        ("ICN", "SEA", 1.4 * 2.05 / 1.75),
    ],
)
def test_the_public_internet_takes_the_detours_of_the_backbone(viewer: str, edge: str, factor: float) -> None:
    leg = MODEL.viewer_leg(GAZETTEER.find(viewer), GAZETTEER.find(edge))
    assert leg.how is LegRule.VIEWER_PATH
    assert leg.inflation == pytest.approx(factor)


def test_the_public_internet_is_not_faster_than_fibre_either() -> None:
    model = LatencyModel({}, {}, {("EU", "OC"): 0.1}, {"fibre": 0.0})
    assert model.viewer_leg(GAZETTEER.find("LHR"), GAZETTEER.find("SYD")).inflation == 1.0


def test_an_unknown_access_names_the_known_ones() -> None:
    sydney = GAZETTEER.find("SYD")
    with pytest.raises(UnknownAccess, match=r"'carrier pigeon'; one of: 3g, 5g, cable"):
        MODEL.viewer_rtt(sydney, sydney, "carrier pigeon")


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_a_table_with_an_impossible_time_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="last mile: 'fibre'"):
        LatencyModel({}, {}, {}, {"fibre": bad})


@given(st.floats(0, 1000), st.floats(0, 0.5), st.floats(0, 1), st.floats(0, 1))
def test_jitter_is_positive_and_grows_with_the_draw(ms: float, sigma: float, low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert 0 <= jittered(ms, sigma, low) <= jittered(ms, sigma, high)


def test_jitter_has_the_median_and_the_spread_asked_for() -> None:
    assert jittered(80, 0.2, 0.5) == pytest.approx(80)
    assert jittered(80, 0.0, 0.9) == 80
    assert jittered(1, 0.2, 0.8413447) == pytest.approx(2.718281828**0.2, rel=1e-5)  # one deviation up
