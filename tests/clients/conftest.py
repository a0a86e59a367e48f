"""The worlds that outside clients drive."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "live"))

from client_worlds import Lasting


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Lasting]:
    """A world of its own, kept on disk."""
    world = Lasting(tmp_path)
    yield world
    world.close()
