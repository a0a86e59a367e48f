from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.core.places import PlaceKind, distance_km
from edgesim.core.routing import PRICE_CLASSES
from edgesim.errors import EdgesimError
from edgesim.world.gazetteer import LONGEST_NAME, POP_CODE, Gazetteer, UnknownPlace

GAZETTEER = Gazetteer.load()
METROS = GAZETTEER.metros


def test_it_is_read_once() -> None:
    assert Gazetteer.load() is GAZETTEER


def test_the_metros_are_the_published_ones() -> None:
    """110 metros, 106 outside mainland China; the list of February 2024 counted 635 POPs."""
    assert len(METROS) == 110
    assert sum(bool(metro.price_classes) for metro in METROS.values()) == 106
    assert sum(metro.pop_count or 0 for metro in METROS.values()) == 635


@pytest.mark.parametrize("iata", METROS)
def test_every_metro_is_found_by_code_city_and_pop(iata: str) -> None:
    metro = METROS[iata]
    assert GAZETTEER.find(iata) is GAZETTEER.find(iata.lower()) is metro.place
    for text in (metro.place.name, metro.place.name.upper(), f"{metro.place.name}, {metro.place.country}"):
        assert GAZETTEER.find(text) is metro.place
    for code in (metro.example_code, *metro.observed_codes):
        assert POP_CODE.fullmatch(code)
        assert GAZETTEER.find(code) is metro.place
        assert GAZETTEER.edge_site(code).pop == code
    assert GAZETTEER.edge_site(iata).pop == GAZETTEER.edge_site(metro.place.name).pop == metro.example_code
    assert metro.place.timezone
    assert metro.place.kind is PlaceKind.METRO
    assert metro.place.code == iata


@pytest.mark.parametrize("iata", METROS)
def test_price_classes_nest_and_follow_the_pricing_region(iata: str) -> None:
    """The table of the CloudFront guide (PriceClass), as spec §9.2 repeats it."""
    least = {
        "us_mx_ca": 100,
        "eu_il_tr": 100,
        "za_ke_ng_eg_me": 200,
        "japan": 200,
        "asia_pacific": 200,
        "india": 200,
        "south_america": None,
        "au_nz": None,
        "china": 0,
    }[METROS[iata].pricing_region]
    expected = {
        100: set(PRICE_CLASSES),
        200: {"PriceClass_200", "PriceClass_All"},
        None: {"PriceClass_All"},
        0: set[str](),
    }[least]
    assert METROS[iata].price_classes == expected


@pytest.mark.parametrize("iso2", sorted(GAZETTEER._countries))
def test_every_country_is_found_by_code_and_name(iso2: str) -> None:
    place = GAZETTEER.find(iso2)
    assert (place.kind, place.country, place.code) == (PlaceKind.COUNTRY, iso2, iso2)
    assert place is GAZETTEER.country_place(iso2.lower()) is GAZETTEER.find(iso2.lower())
    by_name = GAZETTEER.find(GAZETTEER._countries[iso2]["name"])
    assert by_name.country == iso2 or by_name.kind is PlaceKind.METRO or by_name.kind is PlaceKind.CITY


@pytest.mark.parametrize("region", GAZETTEER.regions)
def test_every_aws_region_is_found(region: str) -> None:
    place = GAZETTEER.find(region.upper())
    assert (place.kind, place.code) == (PlaceKind.REGION, region)
    assert place.timezone
    assert GAZETTEER.shield_region_for(region) in GAZETTEER.regional_caches


def test_cities_are_in_order_of_population() -> None:
    """What "the largest wins" rests on."""
    names = [city.name for city in GAZETTEER._cities]
    assert names.index("Shanghai") < names.index("London") < names.index("Paris") < names.index("Canberra")
    assert GAZETTEER.find("Córdoba").country == "AR"


def test_a_metro_is_never_the_smaller_namesake() -> None:
    """A metro comes before the cities; that is the largest place of the name except where the metro is in the data."""
    for plain, places in GAZETTEER._named.items():
        if places[0].kind is PlaceKind.METRO and len(places) > 1:
            assert places[1].country == places[0].country, plain


@pytest.mark.parametrize(
    ("text", "country", "kind"),
    [
        ("Sao Paulo", "BR", PlaceKind.METRO),
        ("São Paulo", "BR", PlaceKind.METRO),
        ("  SAO   PAULO ", "BR", PlaceKind.METRO),
        ("Lodz", "PL", PlaceKind.CITY),
        ("ŁÓDŹ", "PL", PlaceKind.CITY),
        ("London", "GB", PlaceKind.METRO),
        ("London, CA", "CA", PlaceKind.CITY),
        ("London,Canada", "CA", PlaceKind.CITY),
        ("Hyderabad, pk", "PK", PlaceKind.CITY),
        ("Frankfurt", "DE", PlaceKind.METRO),
        ("Washington, D.C.", "US", PlaceKind.METRO),
        ("Washington", "US", PlaceKind.METRO),
        ("Portland, Oregon", "US", PlaceKind.METRO),
        ("Bangalore", "IN", PlaceKind.METRO),
        ("New York City, USA", "US", PlaceKind.METRO),
        ("Manchester, UK", "GB", PlaceKind.METRO),
        ("BER", "DE", PlaceKind.METRO),
        ("Australia", "AU", PlaceKind.COUNTRY),
        ("UK", "GB", PlaceKind.COUNTRY),
        ("usa", "US", PlaceKind.COUNTRY),
        ("Türkiye", "TR", PlaceKind.COUNTRY),
        ("SYD62-C1", "AU", PlaceKind.METRO),
        ("syd62-c1", "AU", PlaceKind.METRO),
        ("SYD4", "AU", PlaceKind.METRO),
        ("us-east-1", "US", PlaceKind.REGION),
    ],
)
def test_names(text: str, country: str, kind: PlaceKind) -> None:
    place = GAZETTEER.find(text)
    assert (place.country, place.kind) == (country, kind)


def test_a_point_takes_the_country_and_clock_of_the_nearest_city() -> None:
    point = GAZETTEER.find(" -33.87 , 151.21 ")
    assert (point.kind, point.latitude, point.longitude) == (PlaceKind.POINT, -33.87, 151.21)
    assert (point.country, point.continent, point.timezone) == ("AU", "OC", "Australia/Sydney")
    assert point.name == "-33.87,151.21"


def test_a_point_far_from_land_has_no_country() -> None:
    assert GAZETTEER.find("0,-30").country == ""


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_the_band_of_latitude_never_loses_the_nearest_city(latitude: float, longitude: float) -> None:
    point = GAZETTEER.find(f"{latitude:.6f},{longitude:.6f}")
    nearest = min(GAZETTEER._cities, key=lambda city: distance_km(point, city))
    assert point.country == (nearest.country if distance_km(point, nearest) <= 300 else "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("91,0", "latitude goes from -90 to 90"),
        ("0,-180.01", "longitude from -180 to 180"),
        ("9" * 60 + ",0", "latitude goes"),
        ("1.2.3,4", "a point is two numbers"),
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("x" * (LONGEST_NAME + 1), "nobody's name is that long"),
    ],
)
def test_what_cannot_be_a_place_says_why(text: str, why: str) -> None:
    with pytest.raises(UnknownPlace, match=why):
        GAZETTEER.find(text)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("Sydny", "Sydney"),
        ("Sao Paolo", "Sao Paulo"),
        ("us-est-1", "us-east-1"),
        ("Paris, US", "Paris, FR"),
        ("SYE", "SYD"),
    ],
)
def test_a_slip_of_the_pen_is_answered_with_the_right_word(text: str, suggestion: str) -> None:
    with pytest.raises(UnknownPlace) as caught:
        GAZETTEER.find(text)
    assert suggestion in caught.value.suggestions
    assert f"did you mean {caught.value.suggestions[0]}" in str(caught.value)
    assert isinstance(caught.value, EdgesimError)


@given(st.text(max_size=LONGEST_NAME + 20))
def test_any_text_is_a_place_or_unknown_and_suggestions_are_places(text: str) -> None:
    try:
        GAZETTEER.find(text)
    except UnknownPlace as unknown:
        for suggestion in unknown.suggestions:
            GAZETTEER.find(suggestion)


def test_a_city_without_an_edge_is_told_the_nearest_with_one() -> None:
    with pytest.raises(UnknownPlace) as caught:
        GAZETTEER.edge_site("Canberra")
    assert caught.value.suggestions[0] == "Sydney"


@pytest.mark.parametrize("text", ["XYZ50-P1", "us-east-1", "AU", "-33.87,151.21", "nowhere at all"])
def test_only_metros_have_edges(text: str) -> None:
    with pytest.raises(UnknownPlace):
        GAZETTEER.edge_site(text)


def test_an_edge_site_is_complete() -> None:
    site = GAZETTEER.edge_site(" syd62-c1 ")
    assert site.pop == "SYD62-C1"
    assert site.place.name == "Sydney"
    assert site.price_classes == {"PriceClass_All"}
    assert (site.pricing_region, site.regional) == ("au_nz", "ap-southeast-2")


def test_worldwide_is_everything_but_mainland_china() -> None:
    edges = GAZETTEER.worldwide_edges()
    assert len(edges) == 106
    assert "CN" not in {edge.place.country for edge in edges}
    assert "HK" in {edge.place.country for edge in edges}
    assert len({edge.pop for edge in edges}) == 106


@pytest.mark.parametrize(
    ("iata", "region"),
    [
        ("LHR", "eu-west-2"),
        ("FRA", "eu-central-1"),
        ("IAD", "us-east-1"),
        ("GRU", "sa-east-1"),
        ("DEL", "ap-south-1"),
        ("NRT", "ap-northeast-1"),
    ],
)
def test_regional_caches_of_edges(iata: str, region: str) -> None:
    assert GAZETTEER.edge_site(iata).regional == region


def test_the_uncertain_regional_cache_is_a_switch() -> None:
    more = Gazetteer.load(uncertain_regional_caches=True)
    assert set(more.regional_caches) - set(GAZETTEER.regional_caches) == {"us-west-1"}
    assert len(GAZETTEER.regional_caches) == 13
    assert more.edge_site("SFO").regional == "us-west-1"
    assert GAZETTEER.edge_site("SFO").regional == "us-west-2"


@pytest.mark.parametrize(
    ("origin", "shield"),
    [("us-west-1", "us-west-2"), ("af-south-1", "eu-west-1"), ("eu-north-1", "eu-west-2"), ("us-east-1", "us-east-1")],
)
def test_origin_shield_regions_of_the_guide(origin: str, shield: str) -> None:
    assert GAZETTEER.shield_region_for(origin) == shield


def test_an_unknown_region_is_answered_with_the_right_word() -> None:
    with pytest.raises(UnknownPlace, match="us-east-1"):
        GAZETTEER.shield_region_for("us-east1")


@pytest.mark.parametrize(
    ("ip", "country"),
    [
        ("1.1.1.1", "AU"),
        ("::ffff:1.1.1.1", "AU"),
        ("2001:4860:4860::8888", "US"),
        ("127.0.0.1", None),
        ("::1", None),
        ("203.0.113.1", None),
        ("not an address", None),
        ("", None),
    ],
)
def test_country_of_ip(ip: str, country: str | None) -> None:
    assert GAZETTEER.country_of_ip(ip) == country


def test_a_country_without_a_city_is_unknown() -> None:
    with pytest.raises(UnknownPlace, match="country code"):
        GAZETTEER.country_place("BV")


@pytest.mark.parametrize("ask", [GAZETTEER.find, GAZETTEER.edge_site, GAZETTEER.shield_region_for])
def test_long_texts_are_cut_in_messages(ask: Callable[[str], object]) -> None:
    with pytest.raises(UnknownPlace) as caught:
        ask("y" * 100_000)
    assert len(str(caught.value)) < 200


def test_data_files_are_described() -> None:
    """Each file of the package's data has its source, date and licence in the page beside it."""
    from importlib.resources import files

    data = files("edgesim").joinpath("data")
    page = data.joinpath("README.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `([^`]+)`", page, re.MULTILINE))
    present = {
        path.name if folder == "." else f"{folder}/{path.name}"
        for folder in (".", "geo", "latency")
        for path in data.joinpath(folder).iterdir()
        if path.is_file() and path.name != "README.md"
    }
    assert described == present
