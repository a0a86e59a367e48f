"""Worlds for the live tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from live_worlds import ROOT, Starter, World, end, start_world


@pytest.fixture
def start() -> Iterator[Starter]:
    """Start worlds that end with the test."""
    worlds: list[World] = []

    def run(config: str | Path, *arguments: str, env: dict[str, str] | None = None) -> World:
        world = start_world(config, *arguments, env=env)
        worlds.append(world)
        return world

    yield run
    for world in worlds:
        end(world)


@pytest.fixture(scope="module")
def demo() -> Iterator[World]:
    """The demo world, shared by the tests of a module."""
    world = start_world("configs/demo.yaml", "--ephemeral")
    yield world
    end(world)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The demo world without its distances."""
    text = (ROOT / "configs" / "demo.yaml").read_text().replace("mode: real", "mode: reported")
    path = tmp_path_factory.mktemp("world") / "quick.yaml"
    path.write_text(text)
    world = start_world(path, "--ephemeral")
    yield world
    end(world)
