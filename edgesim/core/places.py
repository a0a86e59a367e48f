"""Places on the globe, and how far apart they are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0088  # mean radius R1 of the IUGG


class PlaceKind(Enum):
    """What a place stands for; the value is the word the dashboard and ``explain`` use."""

    CITY = "city"
    METRO = "edge metro"
    COUNTRY = "country"
    REGION = "AWS region"
    POINT = "point"


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere a viewer, an edge or an origin can be.

    ``latitude`` and ``longitude`` are degrees (WGS 84). ``country`` is ISO 3166-1 alpha-2, "" when unknown. ``code`` is
    the IATA code of a METRO, the AWS region of a REGION, the ISO code of a COUNTRY. ``continent`` is one of NA SA EU AF
    AS OC (AN for Antarctica), ``region`` a state's name and ``timezone`` an IANA name, each "" when unknown.
    """

    name: str
    country: str
    latitude: float
    longitude: float
    kind: PlaceKind
    code: str = ""
    continent: str = ""
    region: str = ""
    timezone: str = ""


def distance_km(a: Place, b: Place) -> float:
    """Great-circle distance in km (haversine formula on a sphere of the mean radius)."""
    a_latitude, b_latitude = radians(a.latitude), radians(b.latitude)
    half_latitude = sin((b_latitude - a_latitude) / 2)
    half_longitude = sin(radians(b.longitude - a.longitude) / 2)
    h = half_latitude * half_latitude + cos(a_latitude) * cos(b_latitude) * half_longitude * half_longitude
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(h)))  # rounding can lift h above 1 for antipodes
