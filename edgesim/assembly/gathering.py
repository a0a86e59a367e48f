"""A world whose caches and verdicts are in workers, as the control port sees it: whatever it asks is gathered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from edgesim.assembly.channel import Message
from edgesim.assembly.hand import Hand
from edgesim.assembly.running import Options, RunningWorld
from edgesim.core.cache import Tier
from edgesim.core.verdict import Verdict
from edgesim.observe.wire_verdict import decode_verdicts

PATIENCE = 1.0
"""Seconds a worker may take to say that it is in step."""


class GatheringWorld(RunningWorld):
    """The parent's half that asks the workers."""

    def __init__(self, options: Options, stack: AsyncExitStack) -> None:
        super().__init__(options, stack)
        self.hands: list[Hand] = []

    def send_certificates(self) -> None:
        """Send the certificates, if they are others than the workers have."""

    def send(self, message: Message) -> None:
        """Tell every worker."""
        for hand in self.hands:
            if hand.channel is not None:
                hand.channel.send(message)

    async def _ask(self, message: Message) -> list[tuple[Hand, Any]]:
        asked = [(hand, hand.channel) for hand in self.hands if hand.ready and hand.channel is not None]
        answers = await asyncio.gather(*[channel.ask(message, PATIENCE) for _, channel in asked])
        return [(hand, answer) for (hand, _), answer in zip(asked, answers, strict=True) if answer is not None]

    async def settle(self) -> None:
        """Every worker has taken what was sent, and what it has seen is counted here."""
        self.send_certificates()
        for hand, facts in await self._ask({"kind": "settle"}):
            hand.facts = facts
        gone = self.hands
        self.access_log.written = sum(hand.rows + hand.facts.get("rows", 0) for hand in gone)
        self.access_log.lost = sum(hand.rows_lost + hand.facts.get("rows_lost", 0) for hand in gone)
        self.access_log.warning = next((text for hand in gone if (text := hand.facts.get("warning", ""))), "")

    async def find(self, id: str) -> Verdict | None:
        """A verdict from wherever it is kept."""
        found = self.records.get(id)
        if found is not None:
            return found
        for _, batch in await self._ask({"kind": "find", "id": id}):
            return decode_verdicts(batch)[0]
        return None

    async def newest(self, count: int) -> list[Verdict]:
        """The newest verdicts of all workers; those of one that died as far as they were told."""
        found = {verdict.id: (at, verdict) for at, verdict in self.records.newest(count)}
        for _, answer in await self._ask({"kind": "newest", "count": count}):
            verdicts = decode_verdicts(answer["batch"])
            found |= {verdict.id: (at, verdict) for at, verdict in zip(answer["at"], verdicts, strict=True)}
        newest = sorted(found.values(), key=lambda one: one[0], reverse=True)
        return [verdict for _, verdict in newest[:count]]

    async def listing(self, tier: Tier, name: str, limit: int, prefix: str) -> dict[str, Any] | None:
        """What a worker's cache holds."""
        ask = {"kind": "listing", "tier": tier.name, "name": name, "limit": limit, "prefix": prefix}
        found = [answer for _, answer in await self._ask(ask)]
        return found[0] if found else None

    @property
    def absent(self) -> frozenset[str]:
        """Edges whose worker is being started again."""
        return frozenset(pop for hand in self.hands if not hand.ready for pop in hand.edges)

    @property
    def reported(self) -> Mapping[str, Mapping[str, int]]:
        """The edges' caches, as their workers said last."""
        return {name: facts for tier, name, facts in self._caches() if tier == Tier.EDGE.name}

    @property
    def reported_regional(self) -> Mapping[str, Mapping[str, int]]:
        """The regional caches likewise; a shield may be in several workers, and counts once with all it has."""
        found: dict[str, dict[str, int]] = {}
        for tier, name, facts in self._caches():
            if tier != Tier.EDGE.name:
                known = found.setdefault(name, {**facts, "entries": 0, "used_bytes": 0, "fetches_under_way": 0})
                for key in ("entries", "used_bytes", "fetches_under_way"):
                    known[key] += facts[key]
        return found

    def _caches(self) -> Iterable[tuple[str, str, dict[str, int]]]:
        for hand in self.hands:
            yield from hand.facts.get("caches", ())
