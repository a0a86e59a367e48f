"""The places this project knows: edge metros, AWS regions, countries and cities, read from the package's data files."""

from __future__ import annotations

import csv
import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache, cached_property
from importlib.resources import files
from ipaddress import IPv6Address, ip_address
from itertools import islice, takewhile
from types import MappingProxyType

import iptocc

from edgesim.core.latency import LatencyModel
from edgesim.core.places import Place, PlaceKind, distance_km
from edgesim.core.routing import EdgeSite, nearest_regional
from edgesim.errors import EdgesimError

POP_CODE = re.compile(r"[A-Z]{3}\d{1,3}(-[CPE]\d{1,2})?")  # the shape of X-Amz-Cf-Pop
LONGEST_NAME = 100  # characters; a longer one is nobody's city, and is not searched for
COUNTRY_WITHIN_KM = 300.0  # a point takes the country of the nearest city, unless it is out at sea
SUGGESTIONS = 3
ALIKE = 0.65  # of difflib's 0 to 1; two letters of a three-letter code are 0.67
# Measured pairs that make a factor within one world region: by Mumbai to Hyderabad alone, a short haul with much
# overhead, Delhi would be nearer to Dubai. Between regions a single pair does show an ocean's detour.
FEWEST_PAIRS_WITHIN = 2

_POINT = re.compile(r"\s*([+-]?[\d.]+)\s*,\s*([+-]?[\d.]+)\s*", re.ASCII)
_UNDECOMPOSED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
_PUNCTUATION = str.maketrans({**dict.fromkeys("'’‘`.", None), **dict.fromkeys("-/_", " ")})
_KM_PER_DEGREE = 111.2

_Row = dict[str, str]

# Airports people name for a metro whose POP codes carry another code, and names other than the data's own.
_OTHER_AIRPORTS = {"BER": "TXL", "HND": "NRT", "PDX": "HIO", "YYZ": "YTO"}
_OTHER_NAMES = {
    "bangalore": "bengaluru",
    "frankfurt": "frankfurt am main",
    "kiev": "kyiv",
    "new york city": "new york",
    "saigon": "ho chi minh city",
    "washington": "washington dc",
    "washington, dc": "washington dc",
}
_OTHER_COUNTRIES = {"uk": "GB", "usa": "US", "turkiye": "TR"}


class UnknownPlace(EdgesimError):
    """No place has this name. ``suggestions`` are names that do exist, the likeliest first."""

    def __init__(self, text: str, suggestions: Iterable[str] = (), why: str = "") -> None:
        self.text = text if len(text) <= LONGEST_NAME else text[:LONGEST_NAME] + "…"
        self.suggestions = tuple(suggestions)
        self.why = why
        message = f"unknown place {self.text!r}"
        if why:
            message += f": {why}"
        if self.suggestions:
            message += f"; did you mean {' or '.join(self.suggestions)}?"
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Metro:
    """A city with edges. ``pop_count`` is the published number of POPs, None when it was never published.

    ``price_classes`` is empty for mainland China. ``example_code`` is the POP code used when only the city is named;
    it was seen in the wild when it is among ``observed_codes``, and is made up in the usual shape otherwise.
    """

    place: Place
    price_classes: frozenset[str]
    pricing_region: str
    pop_count: int | None
    example_code: str
    observed_codes: tuple[str, ...]
    notes: str


@dataclass(frozen=True, slots=True)
class RegionalCache:
    """A regional edge cache: its AWS region's place and label, and whether Origin Shield can be put there."""

    place: Place
    label: str
    pricing_region: str
    origin_shield: bool


class Gazetteer:
    """Looks places up by any of their names. Get it from ``Gazetteer.load()``.

    ``metros`` are by IATA code; ``regions`` (every AWS region the matrix knows) and ``regional_caches`` by AWS region.
    """

    metros: Mapping[str, Metro]
    regions: Mapping[str, Place]
    regional_caches: Mapping[str, RegionalCache]

    def __init__(self, *, uncertain_regional_caches: bool = False) -> None:
        self._countries = {row["iso2"]: row for row in _rows("geo/country_points.csv")}
        self._country_places: dict[str, Place] = {}
        self._cities = [self._city(row) for row in _rows("geo/world_cities.csv")]
        self._cities_of: dict[str, list[Place]] = defaultdict(list)
        for city in self._cities:
            self._cities_of[city.country].append(city)
        self.metros = MappingProxyType({row["iata"]: self._metro(row) for row in _rows("pops.csv")})
        self.regions = MappingProxyType({row["region"]: self._region(row) for row in _rows("latency/aws_regions.csv")})
        self.regional_caches = MappingProxyType(
            {
                row["aws_region"]: RegionalCache(
                    self.regions[row["aws_region"]],
                    row["name"],
                    row["pricing_region"],
                    row["origin_shield_available"] == "1",
                )
                for row in _rows("regional_edge_caches.csv")
                if uncertain_regional_caches or row["origin_shield_available"] == "1"
            }
        )
        self._shields = {
            row["origin_region"]: row["origin_shield_region"] for row in _rows("origin_shield_region_map.csv")
        }
        self._model = _latency_model(self.regions)

    @classmethod
    def load(cls, *, uncertain_regional_caches: bool = False) -> Gazetteer:
        """The one gazetteer of the process.

        ``uncertain_regional_caches`` adds us-west-1, which older pages name as a regional edge cache and the current
        Origin Shield table does not.
        """
        return _load(uncertain_regional_caches)

    def find(self, text: str) -> Place:
        """The place a text names; raises ``UnknownPlace``.

        In this order: ``latitude,longitude``; two letters, a country; three letters, the IATA code of an edge metro; a
        POP code; an AWS region; a city, whatever its case and accents, of which a metro comes first and then the
        largest, or the one in the country after a comma ("London, CA"); the name of a country.
        """
        text = text.strip()
        if not text or len(text) > LONGEST_NAME:
            raise UnknownPlace(text, why="nobody's name is that long" if text else "it is empty")
        if point := _POINT.fullmatch(text):
            return self._point(text, point[1], point[2])
        place = self._by_code(text) or self._by_name(_plain(text))
        if place is None:
            raise UnknownPlace(text, self._suggestions(_plain(text)))
        return place

    def country_place(self, iso2: str) -> Place:
        """The city that stands for a country: the one nearest to everybody in it. Raises ``UnknownPlace``."""
        code = iso2.upper()
        if code not in self._countries:
            raise UnknownPlace(iso2, why="no place is on record for this country code")
        if code not in self._country_places:
            row = self._countries[code]
            latitude, longitude = float(row["medoid_lat"]), float(row["medoid_lon"])
            place = Place(row["medoid_city"], code, latitude, longitude, PlaceKind.COUNTRY, code, row["continent"])
            self._country_places[code] = self._with_timezone(place)
        return self._country_places[code]

    def country_name(self, iso2: str) -> str:
        """The country's English name, "" when its code is not on record."""
        row = self._countries.get(iso2)
        return row["name"] if row is not None else ""

    def country_of_ip(self, ip: str) -> str | None:
        """The ISO country an IPv4 or IPv6 address was allocated to; None when nobody knows, or it is no address."""
        try:
            address = ip_address(ip)
        except ValueError:
            return None
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return iptocc.country_code(str(mapped or address))

    def edge_site(self, code_or_name: str) -> EdgeSite:
        """The edge of a POP code, or the usual one of a metro's IATA code or city; raises ``UnknownPlace``.

        Its regional edge cache is the one the least backbone time away.
        """
        place = self.find(code_or_name)
        if place.kind is not PlaceKind.METRO:
            raise UnknownPlace(code_or_name.strip(), self._metros_near(place), "no edge is there")
        code = code_or_name.strip().upper()
        metro = self.metros[place.code]
        return EdgeSite(
            pop=code if POP_CODE.fullmatch(code) else metro.example_code,
            place=place,
            price_classes=metro.price_classes,
            pricing_region=metro.pricing_region,
            regional=nearest_regional(place, self._regional_places, self._model),
        )

    def worldwide_edges(self) -> tuple[EdgeSite, ...]:
        """One edge per metro of the global service. Mainland China is a service of its own and in no price class."""
        return tuple(self.edge_site(iata) for iata, metro in self.metros.items() if metro.price_classes)

    def shield_region_for(self, aws_region: str) -> str:
        """The Origin Shield region to use for an origin in an AWS region; raises ``UnknownPlace``."""
        shield = self._shields.get(aws_region)
        if shield is None:
            close = get_close_matches(aws_region[:LONGEST_NAME], self._shields, SUGGESTIONS)
            raise UnknownPlace(aws_region, close, "no such AWS region")
        return shield

    def latency_model(self) -> LatencyModel:
        """Round-trip times from the package's tables."""
        return self._model

    # Lookups.

    def _by_code(self, text: str) -> Place | None:
        code = text.upper()
        if len(code) == 2 and code in self._countries:
            return self.country_place(code)
        metro = self.metros.get(_OTHER_AIRPORTS.get(code, code))
        if metro is None and POP_CODE.fullmatch(code):
            metro = self.metros.get(code[:3])
        return metro.place if metro else self.regions.get(text.lower())

    def _by_name(self, plain: str) -> Place | None:
        name, _, country = (part.strip() for part in plain.rpartition(","))
        for place in self._namesakes(plain):
            return place
        for place in self._namesakes(name):
            if self._lies_in(place, country):
                return place
        iso2 = _OTHER_COUNTRIES.get(plain) or self._country_names.get(plain)
        return self.country_place(iso2) if iso2 else None

    def _namesakes(self, plain: str) -> Sequence[Place]:
        return self._named.get(_OTHER_NAMES.get(plain, plain), ())

    def _lies_in(self, place: Place, where: str) -> bool:
        iso2 = _OTHER_COUNTRIES.get(where) or self._country_names.get(where) or where.upper()
        return place.country == iso2 or _plain(place.region) == where

    def _point(self, text: str, latitude_text: str, longitude_text: str) -> Place:
        try:
            latitude, longitude = float(latitude_text), float(longitude_text)
        except ValueError:
            raise UnknownPlace(text, why="a point is two numbers, latitude and longitude") from None
        if abs(latitude) > 90 or abs(longitude) > 180:
            raise UnknownPlace(text, why="latitude goes from -90 to 90 and longitude from -180 to 180")
        name = f"{round(latitude, 4):g},{round(longitude, 4):g}"
        point = Place(name, "", latitude, longitude, PlaceKind.POINT)
        near = _nearest(point, self._cities_near(point))
        if near is None or distance_km(point, near) > COUNTRY_WITHIN_KM:
            return point
        return replace(point, country=near.country, continent=near.continent, timezone=near.timezone)

    def _cities_near(self, point: Place) -> Iterator[Place]:
        """The cities in the band of latitude outside which nothing can be within ``COUNTRY_WITHIN_KM``."""
        reach = COUNTRY_WITHIN_KM / _KM_PER_DEGREE
        cities = self._by_latitude
        start = bisect_left(cities, point.latitude - reach, key=lambda city: city.latitude)
        return takewhile(lambda city: city.latitude <= point.latitude + reach, islice(cities, start, None))

    def _metros_near(self, place: Place) -> list[str]:
        near = sorted(self.metros.values(), key=lambda metro: distance_km(place, metro.place))
        return [metro.place.name for metro in near[:SUGGESTIONS]]

    def _suggestions(self, plain: str) -> list[str]:
        elsewhere = self._namesakes(plain.rpartition(",")[0].strip())
        if elsewhere:
            return list(dict.fromkeys(f"{place.name}, {place.country}" for place in elsewhere))[:SUGGESTIONS]
        alike = [word for word in self._vocabulary if abs(len(word) - len(plain)) <= 2]
        return [self._vocabulary[word] for word in get_close_matches(plain, alike, SUGGESTIONS, ALIKE)]

    # What is only needed for some lookups.

    @cached_property
    def _named(self) -> Mapping[str, Sequence[Place]]:
        """Places by plain name, the metro first, then the cities by population (the order of the file)."""
        named: dict[str, list[Place]] = defaultdict(list)
        for metro in self.metros.values():
            for name in {metro.place.name, *metro.place.name.split("/")}:
                named[_plain(name)].append(metro.place)
        for city in self._cities:
            named[_plain(city.name)].append(city)
        return named

    @cached_property
    def _country_names(self) -> Mapping[str, str]:
        return {_plain(row["name"]): iso2 for iso2, row in self._countries.items()}

    @cached_property
    def _vocabulary(self) -> Mapping[str, str]:
        words = {_plain(code): code for code in (*self.metros, *self.regions)}
        return words | {plain: places[0].name for plain, places in self._named.items()}

    @cached_property
    def _by_latitude(self) -> Sequence[Place]:
        return sorted(self._cities, key=lambda city: city.latitude)

    @cached_property
    def _regional_places(self) -> Mapping[str, Place]:
        return {region: cache.place for region, cache in self.regional_caches.items()}

    # From the data files.

    def _metro(self, row: _Row) -> Metro:
        place = Place(
            name=row["city"],
            country=row["country_code"],
            latitude=float(row["latitude"]),
            longitude=float(row["longitude"]),
            kind=PlaceKind.METRO,
            code=row["iata"],
            continent=row["continent"],
            region=row["state"],
        )
        return Metro(
            place=self._with_timezone(place),
            price_classes=frozenset(row["price_classes"].split("|")) - {""},
            pricing_region=row["pricing_region"],
            pop_count=int(row["pop_count_2024_02"]) if row["pop_count_2024_02"] else None,
            example_code=row["example_code"],
            observed_codes=tuple(row["observed_codes"].split()),
            notes=row["notes"],
        )

    def _city(self, row: _Row) -> Place:
        return Place(
            name=row["name"],
            country=row["country_code"],
            latitude=float(row["latitude"]),
            longitude=float(row["longitude"]),
            kind=PlaceKind.CITY,
            continent=self._continent(row["country_code"]),
            timezone=row["timezone"],
        )

    def _region(self, row: _Row) -> Place:
        place = Place(
            name=row["city"],
            country=row["country"],
            latitude=float(row["latitude"]),
            longitude=float(row["longitude"]),
            kind=PlaceKind.REGION,
            code=row["region"],
            continent=self._continent(row["country"]),
        )
        return self._with_timezone(place)

    def _continent(self, iso2: str) -> str:
        row = self._countries.get(iso2)
        return row["continent"] if row else ""

    def _with_timezone(self, place: Place) -> Place:
        """The place with the time zone of the nearest city in its country."""
        near = _nearest(place, self._cities_of.get(place.country, ()))
        return replace(place, timezone=near.timezone) if near else place


@cache
def _load(uncertain_regional_caches: bool) -> Gazetteer:
    return Gazetteer(uncertain_regional_caches=uncertain_regional_caches)


def _latency_model(regions: Mapping[str, Place]) -> LatencyModel:
    return LatencyModel(
        regions=regions,
        matrix={
            (row["rtt_ms_p50"], region): float(row[region])
            for row in _rows("latency/aws_region_rtt_matrix.csv")
            for region in regions
        },
        inflation={
            (one, other): float(row["inflation_vs_fibre_great_circle"])
            for row in _rows("latency/aws_inflation_by_region_pair.csv")
            for one, other in [row["region_pair"].split("-")]
            if one != other or int(row["n_pairs"]) >= FEWEST_PAIRS_WITHIN
        },
        last_mile={row["access_type"]: float(row["suggested_rtt_ms_median"]) for row in _rows("latency/last_mile.csv")},
    )


def _rows(path: str) -> list[_Row]:
    text = files("edgesim").joinpath("data", path).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _nearest(place: Place, cities: Iterable[Place]) -> Place | None:
    return min(cities, key=lambda city: distance_km(place, city), default=None)


def _plain(name: str) -> str:
    """A name without case, accents, points and apostrophes, hyphens and slashes as spaces."""
    folded = name.casefold()
    if not folded.isascii():
        decomposed = unicodedata.normalize("NFKD", folded.translate(_UNDECOMPOSED))
        folded = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(folded.translate(_PUNCTUATION).split())
