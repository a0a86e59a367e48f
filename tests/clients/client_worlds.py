"""Worlds for outside clients: kept on disk, and started again with the same state."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
from live_worlds import ROOT, World, end, start_world

SITE = "origin.harbour.test"


class Lasting:
    """A demo world without distances that can be killed and started again."""

    def __init__(self, where: Path) -> None:
        text = (ROOT / "configs" / "demo.yaml").read_text().replace("mode: real", "mode: reported")
        self._config = where / "world.yaml"
        self._config.write_text(text)
        self._state = where / "state"
        self.world: World = self._start()

    def _start(self) -> World:
        return start_world(self._config, "--state", str(self._state))

    def again(self) -> World:
        """Kill it as a power cut would, and start it again."""
        self.world.process.kill()
        self.world.process.wait()
        end(self.world)
        self.world = self._start()
        return self.world

    def client(self, service: str) -> Any:
        """A boto3 client of it."""
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
        return boto3.client(service, endpoint_url=self.world.control, region_name="us-east-1", **keys)

    def close(self) -> None:
        """End it."""
        end(self.world)


def example(name: str) -> ModuleType:
    """A script of docs/examples as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
