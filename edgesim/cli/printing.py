"""Words on a terminal: tables, JSON, and nothing that could command the terminal itself."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SECTION = re.compile(r"^([A-Z][a-z]+)(?=  )", re.MULTILINE)


def plain(text: str) -> str:
    """A text without control characters: what viewers send must not reach the terminal raw."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def say(text: str) -> None:
    """Print a text."""
    print(plain(text))


def say_json(data: Any) -> None:
    """Print data for programs."""
    print(json.dumps(data, indent=2))


def say_line(data: Any) -> None:
    """Print data for programs, on one line and at once."""
    print(json.dumps(data), flush=True)


def sections(text: str) -> None:
    """Print a text whose sections begin with a word; on a terminal these are bold."""
    text = plain(text.rstrip("\n"))
    print(_SECTION.sub("\033[1m\\1\033[0m", text) if sys.stdout.isatty() else text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: str = "") -> None:
    """Print rows in columns; those for which ``right`` has an r are set to the right."""
    lines = [list(head), *([plain(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = [
            cell.rjust(width) if right[column : column + 1] == "r" else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def size(number: float | None) -> str:
    """Bytes in three digits or so."""
    if number is None:
        return "-"
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def percent(ratio: float | None) -> str:
    """A ratio in percent."""
    return "-" if ratio is None else f"{100 * ratio:.1f} %"
