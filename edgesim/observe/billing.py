"""The account's usage, counted from verdicts by month of the simulated clock, and the bill of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from edgesim.core.behaviors import PROXY_METHODS
from edgesim.core.cache import Tier
from edgesim.core.pricing import Bill, Line, MonthUsage, PriceTable, Usage, bill, dollars
from edgesim.core.reasons import Rejection
from edgesim.core.verdict import Verdict
from edgesim.observe.iso import month
from edgesim.observe.records import Burst
from edgesim.world.state import World

MONTHS = 240
"""Months that are remembered; the oldest goes first."""

NOTES = (
    "Counted from the requests this process served since it started; invalidation paths are those of the command log.",
    "A request is billed in the region of the edge that served it, redirects and refusals of a distribution too.",
    "The always-free tier is spread over regions in proportion to what each served; AWS does not say how it does it.",
    "Bytes are those on the wire, headers included; 1 GB is 2^30 bytes, 1 TB is 1,024 GB.",
)


@cache
def price_table() -> PriceTable:
    """The prices that come with edgesim."""
    return PriceTable.of(json.loads(files("edgesim").joinpath("data", "prices.json").read_text(encoding="utf-8")))


class Billing:
    """The collector; :meth:`listen` is a listener of ``Records``. ``world`` gives the World as it is."""

    def __init__(self, world: Callable[[], World], table: PriceTable | None = None) -> None:
        self._world = world
        self.table = table or price_table()
        self.months: dict[str, MonthUsage] = {}
        self._regions: dict[str, str] = {}
        self._sites: object = None
        self._month = ""
        self._hour = -1

    def clear(self) -> None:
        """Begin to count anew."""
        self.months.clear()

    def listen(self, verdict: Verdict) -> None:
        """Count one verdict."""
        if (
            verdict.background
            or not verdict.node
            or not verdict.distribution
            or verdict.rejection is Rejection.FORWARDED_TO_EDGE
        ):
            return
        region = self._region(verdict)
        if region is None:
            return
        usage = self._usage(verdict.at)
        used = usage.regions.get(region)
        if used is None:
            used = usage.regions[region] = Usage()
        used.bytes_out += verdict.bytes_out
        if verdict.request.scheme == "https":
            used.https += 1
        else:
            used.http += 1
        at: Verdict | None = verdict
        while at is not None:
            if at.tier is Tier.SHIELD:
                usage.shield[at.node] = usage.shield.get(at.node, 0) + 1
            if at.origin is not None and verdict.request.method in PROXY_METHODS:
                used.bytes_to_origin += verdict.bytes_in
            at = at.upstream

    def burst(self, burst: Burst) -> None:
        """Count hits of the fast path; a burst is short, so all of it is in one month or on its border."""
        for group in burst.groups:
            template = group.template
            region = self._region(template)
            if region is None:
                continue
            used = self._usage(burst.at).regions.setdefault(region, Usage())
            used.bytes_out += group.bytes_out
            if template.request.scheme == "https":
                used.https += group.count
            else:
                used.http += group.count

    def _usage(self, at: float) -> MonthUsage:
        hour = int(at // 3600)
        if hour != self._hour:
            self._hour, self._month = hour, month(at)
        found = self.months.get(self._month)
        if found is None:
            found = self.months[self._month] = MonthUsage()
            while len(self.months) > MONTHS:
                del self.months[next(iter(self.months))]
        return found

    def _region(self, verdict: Verdict) -> str | None:
        world = self._world()
        if world.sites is not self._sites:
            self._sites, self._regions = world.sites, {site.pop: site.pricing_region for site in world.sites}
        region = self._regions.get(verdict.node)
        distribution = world.distributions.get(verdict.distribution)
        if region is None or distribution is None:
            return region
        return self.table.billed_region(region, distribution.price_class)

    def facts(self, wanted: str) -> dict[str, Any]:
        """The bill of a month, ``2026-03``."""
        usage = self.months.get(wanted, MonthUsage())
        paths = self._paths()
        whole = MonthUsage(usage.regions, usage.shield, paths.get(wanted, 0))
        found = bill(self.table, whole)
        return {
            "month": wanted,
            "months": sorted({*self.months, *paths}),
            "currency": "USD",
            "prices_collected": self.table.collected,
            **_facts(found, whole),
            "notes": list(NOTES),
        }

    def _paths(self) -> dict[str, int]:
        """Invalidated paths by month; all distributions of the account count together (spec §8)."""
        found: dict[str, int] = {}
        for one in self._world().invalidations:
            name = month(one.at)
            found[name] = found.get(name, 0) + len(one.paths)
        return found


def _facts(found: Bill, usage: MonthUsage) -> dict[str, Any]:
    return {
        "regions": [
            {
                "region": one.region,
                "label": one.label,
                "usage": {
                    "bytes_out": usage.regions[one.region].bytes_out,
                    "http_requests": usage.regions[one.region].http,
                    "https_requests": usage.regions[one.region].https,
                    "bytes_to_origin": usage.regions[one.region].bytes_to_origin,
                },
                "lines": [_line(line) for line in one.lines],
                "micro_usd": one.micro_usd,
                "usd": dollars(one.micro_usd),
            }
            for one in found.regions
        ],
        "other": [_line(line) for line in found.others],
        "invalidation_paths": usage.paths,
        "list_price_micro_usd": found.list_price,
        "list_price_usd": dollars(found.list_price),
        "always_free": [_line(line) for line in found.credits],
        "total_micro_usd": found.total,
        "total_usd": dollars(found.total),
    }


def _line(line: Line) -> dict[str, Any]:
    facts: dict[str, Any] = {"what": line.what, "quantity": line.quantity, "unit": line.unit}
    if line.price:
        facts |= {"price_micro_usd": line.price, "per": line.per}
    return {**facts, "micro_usd": line.micro_usd, "usd": dollars(line.micro_usd)}
