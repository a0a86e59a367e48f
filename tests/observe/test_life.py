"""The diagram in the docs is the core's own table of steps."""

from __future__ import annotations

from pathlib import Path

from edgesim.core.steps import FIRST, LIFE
from edgesim.observe.life import diagram

PAGE = Path(__file__).parent.parent.parent / "docs" / "life-of-a-request.md"


def test_the_page_shows_the_table_as_it_is() -> None:
    drawn = PAGE.read_text(encoding="utf-8").split("```mermaid\n")[1].split("\n```")[0]
    assert drawn == diagram(), "run: python -m edgesim.observe.life, and put it into docs/life-of-a-request.md"


def test_every_step_that_can_follow_is_in_the_table() -> None:
    following = {step for events in LIFE.values() for after in events.values() for step in after}
    assert following | set(FIRST) == set(LIFE)


def test_the_page_explains_every_step() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{step.__name__}` |" in text for step in LIFE)
