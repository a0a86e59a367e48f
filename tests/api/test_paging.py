"""Lists in pages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.api.paging import page
from edgesim.errors import ControlError

ITEMS = [{"Id": letter} for letter in "dacb"]


def test_all_of_it() -> None:
    assert page(ITEMS, {}) == {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": 4, "Items": ITEMS}


def test_nothing() -> None:
    assert page([], {}) == {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": 0}


def test_a_page_and_the_next() -> None:
    first = page(ITEMS, {"MaxItems": "3"})
    assert first == {
        "Marker": "",
        "MaxItems": 3,
        "IsTruncated": True,
        "Quantity": 3,
        "Items": ITEMS[:3],
        "NextMarker": "c",
    }
    assert page(ITEMS, {"MaxItems": "3", "Marker": "c"}) == {
        "Marker": "c",
        "MaxItems": 3,
        "IsTruncated": False,
        "Quantity": 1,
        "Items": ITEMS[3:],
    }
    assert page(ITEMS, {"Marker": "b"})["Quantity"] == 0


def test_a_key_of_its_own() -> None:
    assert page([3, 1, 2], {"MaxItems": 1, "Marker": "k3"}, lambda item: f"k{item}")["NextMarker"] == "k1"


@pytest.mark.parametrize("given", ["0", "-1", "x", "1.5", "\u0663", "99999999999", "1e2", " 1", 0, -1])
def test_no_number_of_items(given: Any) -> None:
    with pytest.raises(ControlError) as caught:
        page(ITEMS, {"MaxItems": given})
    assert (caught.value.code, caught.value.status) == ("InvalidArgument", 400)


def test_a_marker_that_names_nothing() -> None:
    with pytest.raises(ControlError, match="Marker"):
        page(ITEMS, {"Marker": "z"})


@given(count=st.integers(0, 20), most=st.integers(1, 25))
def test_pages_put_together_are_the_list(count: int, most: int) -> None:
    items, seen, marker = [{"Id": f"i{at}"} for at in range(count)], list[Any](), ""
    for _ in range(count + 1):
        found = page(items, {"Marker": marker, "MaxItems": most})
        assert found["IsTruncated"] == ("NextMarker" in found)
        seen += found.get("Items", [])
        if not found["IsTruncated"]:
            break
        marker = found["NextMarker"]
    assert seen == items
