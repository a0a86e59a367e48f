"""Prices against bills worked out by hand from spec §13."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.core.pricing import GB, MonthUsage, PriceTable, Usage, bill, dollars, micro, transfer_lines
from edgesim.observe.billing import price_table

TB = 1024 * GB


@pytest.fixture(scope="module")
def table() -> PriceTable:
    return price_table()


def transfer(table: PriceTable, region: str, size: int) -> int:
    return sum(line.micro_usd for line in transfer_lines(table, region, size))


@pytest.mark.parametrize(
    ("region", "size", "dollars_due"),
    [
        ("us_mx_ca", GB, "0.085000"),
        ("us_mx_ca", 10 * TB, "870.400000"),  # 10,240 x .085
        ("us_mx_ca", 10 * TB + GB, "870.480000"),  # the next gigabyte at .080
        ("us_mx_ca", 50 * TB, "4147.200000"),  # + 40,960 x .080
        ("us_mx_ca", 150 * TB, "10291.200000"),  # + 102,400 x .060
        ("us_mx_ca", 500 * TB, "24627.200000"),  # + 358,400 x .040
        ("us_mx_ca", 1024 * TB, "40724.480000"),  # + 536,576 x .030
        ("us_mx_ca", 5 * 1024 * TB, "145582.080000"),  # + 4,194,304 x .025
        ("us_mx_ca", 5 * 1024 * TB + GB, "145582.100000"),
        ("japan", 10 * TB + GB, "1167.449000"),  # 10,240 x .114 + .089
        ("india", 50 * TB + GB, "4597.842000"),  # 10,240 x .109 + 40,960 x .085 + .082
        ("south_america", GB // 2, "0.055000"),
        ("au_nz", 0, "0.000000"),
    ],
)
def test_transfer_at_the_ends_of_tiers(table: PriceTable, region: str, size: int, dollars_due: str) -> None:
    assert dollars(transfer(table, region, size)) == dollars_due


def test_a_month_in_two_regions(table: PriceTable) -> None:
    usage = MonthUsage(
        {
            "us_mx_ca": Usage(bytes_out=2 * TB, http=4_000_000, https=20_000_000, bytes_to_origin=10 * GB),
            "au_nz": Usage(bytes_out=2 * TB, https=16_000_000),
        },
        {"us-east-1": 10_000},
        1_200,
    )
    found = bill(table, usage)
    america, australia = found.regions[1], found.regions[0]
    # 2,048 x .085 + 400 x .0075 + 2,000 x .0100 + 10 x .020
    assert dollars(america.micro_usd) == "197.280000"
    # 2,048 x .114 + 1,600 x .0125
    assert dollars(australia.micro_usd) == "253.472000"
    # shield .0075, 200 paths beyond 1,000 x .005
    assert [dollars(line.micro_usd) for line in found.others] == ["0.007500", "1.000000"]
    # free: half a terabyte in each region; a quarter of each region's requests (10 of 40 million)
    assert [dollars(line.micro_usd) for line in found.credits] == ["-101.888000", "-10.750000"]
    assert found.total == found.list_price - 101_888_000 - 10_750_000


@given(st.integers(0, TB), st.integers(0, TB), st.integers(0, 10_000_000))
def test_inside_the_free_tier_nothing_is_due(one: int, other: int, requests: int) -> None:
    japan = Usage(one, requests // 2)
    india = Usage(min(other, TB - one), 0, requests // 2)
    assert bill(price_table(), MonthUsage({"japan": japan, "india": india})).total == 0


@given(st.integers(0, 6 * 1024 * TB), st.sampled_from(sorted(price_table().labels)))
def test_tiers_add_up_as_a_walk_through_them_does(size: int, region: str) -> None:
    table = price_table()
    left, due = size, Fraction(0)
    for tier in table.transfer:
        width = left if tier.end is None else min(left, tier.end - tier.start)
        due += Fraction(width * tier.prices[region], GB)
        left -= width
    assert abs(transfer(table, region, size) - due) <= len(table.transfer)


def test_the_first_1000_paths_are_free(table: PriceTable) -> None:
    def due(paths: int) -> int:
        return bill(table, MonthUsage(paths=paths)).total

    assert [due(0), due(1_000), due(1_001)] == [0, 0, 5_000]


@pytest.mark.parametrize(
    ("region", "price_class", "billed"),
    [
        ("au_nz", "PriceClass_All", "au_nz"),
        ("au_nz", "PriceClass_100", "us_mx_ca"),  # transfer costs as in Europe; https less: .0100 to .0120
        ("us_mx_ca", "PriceClass_100", "us_mx_ca"),
        ("japan", "PriceClass_200", "japan"),
        ("south_america", "unheard of", "south_america"),
    ],
)
def test_an_edge_outside_the_class_bills_the_cheapest_inside(
    table: PriceTable, region: str, price_class: str, billed: str
) -> None:
    assert table.billed_region(region, price_class) == billed


def test_money_is_whole_micro_dollars() -> None:
    assert (micro(0.0075), micro(0.114), micro(0)) == (7_500, 114_000, 0)
    with pytest.raises(ValueError, match="no whole number"):
        micro(0.00000001)
    assert [dollars(1), dollars(-1_500_000), dollars(0)] == ["0.000001", "-1.500000", "0.000000"]
