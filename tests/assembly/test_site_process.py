"""The toy site's process is the toy site, wherever edgesim was started."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgesim.assembly.site import ToySite
from edgesim.world.origins import SiteSection


async def test_a_file_called_origin_where_edgesim_was_started_does_not_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "origin.py").write_text("raise SystemExit('not the toy site')\n")
    monkeypatch.chdir(tmp_path)
    site = await ToySite.start(SiteSection(nodes=1), None)
    try:
        assert site.http_port > 0
    finally:
        await site.close()
