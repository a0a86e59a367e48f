"""The rows as text: what was measured, medians, spread, ratios, and whether the targets hold."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from bench.results import Result, figure, spread

_WORDS = {True: "met", False: "MISSED", None: "-"}


def lines(results: Iterable[Result]) -> list[str]:
    """A table in Markdown, then the notes."""
    table = [
        "| what | median (spread) | ratio or value (spread) | target | |",
        "|---|---|---|---|---|",
    ]
    notes: list[str] = []
    for result in results:
        table += _rows(result)
        notes.append(f"{result.name}: {result.how}.")
        notes += [f"{result.name}: {note}" for note in result.notes]
        notes += [f"{result.name}: FAILED: {failure}" for failure in result.failures]
    return [*table, "", *notes]


def _rows(result: Result) -> list[str]:
    if result.skipped:
        return [f"| {result.what} | skipped: {result.skipped} | - | {_targets(result)} | - |"]
    servers = "; ".join(
        f"{server} {figure(median(values))} ({spread(values)}) {result.unit}"
        for server, values in result.values.items()
        if values
    )
    rows = []
    for number, target in enumerate(result.targets):
        found = result.measured(target)
        got = f"{figure(median(found))} ({spread(found)})" if found else "-"
        what, seen = (result.what, servers) if number == 0 else ("", "")
        rows.append(f"| {what} | {seen} | {got} | {target.text(result.unit)} | {_WORDS[result.met(target)]} |")
    return rows


def _targets(result: Result) -> str:
    return ", ".join(target.text(result.unit) for target in result.targets)
