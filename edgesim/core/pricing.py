"""What usage costs: pay-as-you-go prices with monthly tiers per region (spec §13).

Money is whole micro-dollars; bytes are bytes, and a gigabyte is 2**30 of them, a terabyte 1,024 gigabytes, as on AWS
bills. Every amount is worked out exactly from the whole month's quantity and rounded once, half up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

GB = 2**30
MILLION = 1_000_000
TO_ORIGIN = "data transfer to the origin"


@dataclass(frozen=True, slots=True)
class Tier:
    """One step of a price by quantity: from ``start`` bytes to ``end`` (``None`` for no end), micro-dollars per GB."""

    label: str
    start: int
    end: int | None
    prices: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FreeTier:
    """What costs nothing each month, over all regions together."""

    bytes_out: int = 1024 * GB
    requests: int = 10_000_000
    paths: int = 1_000


@dataclass(frozen=True, slots=True)
class PriceTable:
    """All prices: micro-dollars per GB, per 10,000 requests and per path, by pricing region (shields by AWS region)."""

    labels: Mapping[str, str]
    price_classes: Mapping[str, tuple[str, ...]]
    transfer: tuple[Tier, ...]
    to_origin: Mapping[str, int]
    http: Mapping[str, int]
    https: Mapping[str, int]
    shield: Mapping[str, int]
    path: int
    free: FreeTier
    collected: str = ""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> PriceTable:
        """The table of ``data/prices.json``; raises ValueError for a price that is no whole number of micro-dollars."""
        always = data["always_free_tier_per_month"]
        requests = data["requests_usd_per_10000"]
        return cls(
            {name: region["label"] for name, region in data["pricing_regions"].items()},
            {name: tuple(data["price_classes"][name]) for name in data["price_classes"] if name.startswith("Price")},
            tuple(
                Tier(
                    step["label"],
                    step["from"] * GB,
                    None if step["to"] is None else step["to"] * GB,
                    _micros(step["price"]),
                )
                for step in data["data_transfer_out_to_internet_usd_per_gb"]["tiers_gb"]
            ),
            _micros(data["data_transfer_out_to_origin_usd_per_gb"]),
            _micros(requests["http"]),
            _micros(requests["https"]),
            _micros(data["origin_shield_requests_usd_per_10000"]),
            micro(data["invalidation"]["usd_per_path"]),
            FreeTier(
                always["data_transfer_out_gb"] * GB,
                always["requests_http_https"],
                data["invalidation"]["free_paths_per_month"],
            ),
            data["meta"]["collected"],
        )

    def billed_region(self, region: str, price_class: str) -> str:
        """The region whose prices count: the edge's own, or outside the price class the cheapest inside (spec §9.2)."""
        allowed = self.price_classes.get(price_class)
        if allowed is None or region in allowed:
            return region
        return min(allowed, key=lambda one: (self.transfer[0].prices[one], self.https[one], one))


@dataclass(slots=True)
class Usage:
    """What one region served in one month."""

    bytes_out: int = 0
    http: int = 0
    https: int = 0
    bytes_to_origin: int = 0


@dataclass(slots=True)
class MonthUsage:
    """A month of a whole account: regions, Origin Shield requests by AWS region, paths invalidated."""

    regions: dict[str, Usage] = field(default_factory=dict)
    shield: dict[str, int] = field(default_factory=dict)
    paths: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill: what, how much of it, at how many micro-dollars per unit, and the amount."""

    what: str
    quantity: int
    unit: str
    price: int
    per: int
    micro_usd: int


@dataclass(frozen=True, slots=True)
class RegionBill:
    """The lines of one region."""

    region: str
    label: str
    lines: tuple[Line, ...]

    @property
    def micro_usd(self) -> int:
        """Their sum."""
        return sum(line.micro_usd for line in self.lines)


@dataclass(frozen=True, slots=True)
class Bill:
    """A month's bill. ``credits`` are what the always-free tier takes off; the amounts before are list price."""

    regions: tuple[RegionBill, ...]
    others: tuple[Line, ...]
    credits: tuple[Line, ...]

    @property
    def list_price(self) -> int:
        """Before the always-free tier."""
        return sum(region.micro_usd for region in self.regions) + sum(line.micro_usd for line in self.others)

    @property
    def total(self) -> int:
        """After it; ``credits`` are negative."""
        return self.list_price + sum(line.micro_usd for line in self.credits)


def bill(table: PriceTable, usage: MonthUsage) -> Bill:
    """The bill of a month."""
    regions = tuple(_region(table, name, used) for name, used in sorted(usage.regions.items()))
    others = [
        _line(f"Origin Shield requests, {region}", count, "request", table.shield[region], 10_000)
        for region, count in sorted(usage.shield.items())
        if region in table.shield
    ]
    if usage.paths:
        beyond = max(0, usage.paths - table.free.paths)
        others.append(
            _line(f"invalidation paths beyond the first {table.free.paths:,} a month", beyond, "path", table.path, 1)
        )
    return Bill(regions, tuple(others), tuple(_credits(table, usage, regions)))


def _region(table: PriceTable, region: str, used: Usage) -> RegionBill:
    lines = list(transfer_lines(table, region, used.bytes_out))
    for what, count, prices in (("HTTP requests", used.http, table.http), ("HTTPS requests", used.https, table.https)):
        if count:
            lines.append(_line(what, count, "request", prices[region], 10_000))
    if used.bytes_to_origin:
        lines.append(_line(TO_ORIGIN, used.bytes_to_origin, "byte", table.to_origin[region], GB))
    return RegionBill(region, table.labels[region], tuple(lines))


def transfer_lines(table: PriceTable, region: str, size: int) -> Iterable[Line]:
    """Bytes to the internet, a line for each tier they reach into."""
    for tier in table.transfer:
        end = size if tier.end is None else min(size, tier.end)
        if end > tier.start:
            what = f"data transfer out, {tier.label}"
            yield _line(what, end - tier.start, "byte", tier.prices[region], GB)


def _credits(table: PriceTable, usage: MonthUsage, regions: Iterable[RegionBill]) -> Iterable[Line]:
    """The always-free tier, taken from the regions in proportion to what each served, the first bytes first.

    AWS does not say how it is spread over regions of different prices [sim].
    """
    bytes_out = sum(used.bytes_out for used in usage.regions.values())
    requests = sum(used.http + used.https for used in usage.regions.values())
    free_bytes = min(bytes_out, table.free.bytes_out)
    free_requests = min(requests, table.free.requests)
    taken, asked = Fraction(0), Fraction(0)
    for region, used in usage.regions.items():
        if bytes_out:
            taken += _transfer(table, region, Fraction(used.bytes_out * free_bytes, bytes_out))
        if requests:
            cost = Fraction(used.http * table.http[region] + used.https * table.https[region], 10_000)
            asked += cost * free_requests / requests
    # where everything is free the credit is what the lines add up to, so that nothing is left by rounding
    if free_bytes:
        off = _sum(regions, "byte") if free_bytes == bytes_out else _rounded(taken)
        yield Line("always free: data transfer out", free_bytes, "byte", 0, 1, -off)
    if free_requests:
        off = _sum(regions, "request") if free_requests == requests else _rounded(asked)
        yield Line("always free: requests", free_requests, "request", 0, 1, -off)


def _sum(regions: Iterable[RegionBill], unit: str) -> int:
    """What the lines of a unit come to, without transfer to the origin, which is never free."""
    lines = [line for region in regions for line in region.lines if line.unit == unit]
    return sum(line.micro_usd for line in lines if line.what != TO_ORIGIN)


def _transfer(table: PriceTable, region: str, size: Fraction) -> Fraction:
    total = Fraction(0)
    for tier in table.transfer:
        end = size if tier.end is None else min(size, Fraction(tier.end))
        if end > tier.start:
            total += (end - tier.start) * tier.prices[region] / GB
    return total


def _line(what: str, quantity: int, unit: str, price: int, per: int) -> Line:
    return Line(what, quantity, unit, price, per, _rounded(Fraction(quantity * price, per)))


def _rounded(amount: Fraction) -> int:
    """To the nearest micro-dollar, half up."""
    return int((amount + Fraction(1, 2)).__floor__())


def _micros(prices: Mapping[str, Any]) -> dict[str, int]:
    return {region: micro(price) for region, price in prices.items() if isinstance(price, int | float)}


def micro(dollars: float | int) -> int:
    """Dollars, as the price table has them, in micro-dollars."""
    exact = Decimal(str(dollars)) * MILLION
    if exact != int(exact):
        raise ValueError(f"{dollars} dollars are no whole number of micro-dollars")
    return int(exact)


def dollars(micro_usd: int) -> str:
    """``1234567`` as ``1.234567``."""
    sign = "-" if micro_usd < 0 else ""
    whole, rest = divmod(abs(micro_usd), MILLION)
    return f"{sign}{whole}.{rest:06d}"
