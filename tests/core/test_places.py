from __future__ import annotations

from math import atan2, cos, pi, radians, sin, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.core.places import EARTH_RADIUS_KM, Place, PlaceKind, distance_km


def at(latitude: float, longitude: float) -> Place:
    return Place("", "", latitude, longitude, PlaceKind.POINT)


points = st.builds(at, st.floats(-90, 90), st.floats(-180, 180))


def distance_by_vectors(a: Place, b: Place) -> float:
    """An independent great circle: the angle between two unit vectors, by the cross and the dot product."""

    def unit(place: Place) -> tuple[float, float, float]:
        latitude, longitude = radians(place.latitude), radians(place.longitude)
        return cos(latitude) * cos(longitude), cos(latitude) * sin(longitude), sin(latitude)

    (ax, ay, az), (bx, by, bz) = unit(a), unit(b)
    cross = sqrt((ay * bz - az * by) ** 2 + (az * bx - ax * bz) ** 2 + (ax * by - ay * bx) ** 2)
    return EARTH_RADIUS_KM * atan2(cross, ax * bx + ay * by + az * bz)


@given(points, points)
def test_distance_agrees_with_the_angle_between_vectors(a: Place, b: Place) -> None:
    assert distance_km(a, b) == pytest.approx(distance_by_vectors(a, b), abs=0.5)  # both lose digits at antipodes


@given(points, points)
def test_distance_is_symmetric_and_at_most_half_the_globe(a: Place, b: Place) -> None:
    assert distance_km(a, b) == pytest.approx(distance_km(b, a))
    assert 0 <= distance_km(a, b) <= pi * EARTH_RADIUS_KM


@given(points, points, points)
def test_a_detour_is_never_shorter(a: Place, b: Place, c: Place) -> None:
    assert distance_km(a, c) <= distance_km(a, b) + distance_km(b, c) + 1e-3


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        (at(0, 0), at(0, 0), 0),
        (at(90, 0), at(0, 57), EARTH_RADIUS_KM * pi / 2),
        (at(90, 0), at(-90, 0), EARTH_RADIUS_KM * pi),
        (at(0, 179.5), at(0, -179.5), EARTH_RADIUS_KM * pi / 180),  # across the date line
        (at(40.6399, -73.7787), at(51.4706, -0.4619), 5540),  # New York JFK to London LHR, as airlines list it
        (at(-33.9461, 151.177), at(51.4706, -0.4619), 17020),  # Sydney to London
    ],
)
def test_known_distances(a: Place, b: Place, km: float) -> None:
    assert distance_km(a, b) == pytest.approx(km, rel=0.003)
