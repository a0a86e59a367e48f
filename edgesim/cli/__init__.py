"""The command line: ``edgesim COMMAND``. Each command is a module here: ``add`` describes it, ``run`` does it."""

from __future__ import annotations

from edgesim.cli.main import main

__all__ = ["main"]
