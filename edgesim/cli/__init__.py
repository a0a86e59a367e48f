"""The command line: ``edgesim COMMAND``. Each command is a module here; its ``add`` describes it, its ``run`` does it."""

from __future__ import annotations

from edgesim.cli.main import main

__all__ = ["main"]
