"""docs/differences.md names every switch, and every test it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgesim.world.models import SwitchesSection
from support.scenarios import load_cases

ROOT = Path(__file__).parent.parent.parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "differences.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]
SCENARIOS = {case.id for case in load_cases()}


def test_the_rows_are_numbered_in_order() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_test_that_pins_a_difference_exists(row: list[str]) -> None:
    pinned = row[-1].strip("`")
    assert pinned in SCENARIOS or (ROOT / pinned).is_file(), f"{pinned} is neither a scenario nor a file"


def test_every_switch_has_a_row() -> None:
    named = {name for row in ROWS for name in re.findall(r"`(\w+)`", row[-2])}
    assert set(SwitchesSection.model_fields) <= named
