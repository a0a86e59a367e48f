"""What workers tell their parent of requests: verdicts one by one, hits of the fast path only as counts.

A hit's verdict stays where the hit was; the parent asks for it when somebody wants to see it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from edgesim.assembly.channel import Channel, Message
from edgesim.core.verdict import Verdict
from edgesim.observe.events import QUEUE
from edgesim.observe.records import Burst, Group, Hit, Records
from edgesim.observe.wire_verdict import decode_verdicts, encode_verdicts

GATHERING = 0.02
"""Seconds between a verdict and its departure, in which others may join it."""

TEMPLATES = 5_000
"""Hits that counts may refer to; then both sides forget them and begin anew."""


class Teller:
    """A worker's side; a listener of ``Records``. While ``watched``, hits are told one by one as well."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._verdicts: list[Verdict] = []
        self._timer: asyncio.TimerHandle | None = None
        self._templates: dict[int, tuple[int, Verdict]] = {}
        self.watched = False
        self.lost = 0

    def listen(self, verdict: Verdict) -> None:
        """Tell one verdict, soon."""
        self._verdicts.append(verdict)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHERING, self.flush)

    def burst(self, burst: Burst) -> None:
        """Tell counts."""
        self.flush()  # in order
        if self._channel.stuck:
            self.lost += sum(group.count for group in burst.groups)
            return
        new: list[Verdict] = []
        anew = len(self._templates) > TEMPLATES
        if anew:
            self._templates.clear()
        groups = [
            [
                self._number(group.template, new),
                group.network_ms,
                group.count,
                group.bytes_in,
                group.bytes_out,
                group.ms,
            ]
            for group in burst.groups
        ]
        message: Message = {"kind": "counts", "at": burst.at, "groups": groups, "anew": anew}
        if new:
            message["templates"] = encode_verdicts(new)
        if self.watched:
            message["shown"] = encode_verdicts([hit.verdict() for hit in burst.hits[-QUEUE:]])
        self._channel.send(message)

    def flush(self) -> None:
        """Tell what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        verdicts, self._verdicts = self._verdicts, []
        if self._channel.stuck:
            self.lost += len(verdicts)
        elif verdicts:
            self._channel.send({"kind": "verdicts", "batch": encode_verdicts(verdicts)})

    def _number(self, template: Verdict, new: list[Verdict]) -> int:
        known = self._templates.get(id(template))
        if known is None:
            # with the verdict, or its id could be another's
            known = self._templates[id(template)] = (len(self._templates), template)
            new.append(template)
        return known[0]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A hit of another process of which the verdict was told."""

    whole: Verdict

    def verdict(self) -> Verdict:
        return self.whole


class Hearer:
    """The parent's side of one worker."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._templates: list[Verdict] = []

    def verdicts(self, message: Message) -> None:
        """Verdicts have come."""
        for verdict in decode_verdicts(message["batch"]):
            self._records.add(verdict)

    def counts(self, message: Message) -> None:
        """Counts have come."""
        if message["anew"]:
            self._templates.clear()
        if "templates" in message:
            self._templates += decode_verdicts(message["templates"])
        groups = [Group(self._templates[number], *numbers) for number, *numbers in message["groups"]]
        shown: list[Any] = [_Shown(one) for one in decode_verdicts(message["shown"])] if "shown" in message else []
        self._records.add_counts(Burst(cast(list[Hit], shown), groups, message["at"]))
