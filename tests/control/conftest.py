"""A real world in this process, with its control port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
from control_asker import WORLD, Asker

from edgesim.assembly.running import Address, Options, RunningWorld
from edgesim.control.app import Control
from edgesim.observe.clock import system_time
from edgesim.world.loading import check_text


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def asker(tmp_path_factory: Any) -> AsyncIterator[Asker]:
    directory: Path = tmp_path_factory.mktemp("control")
    checked = check_text(WORLD, file=str(directory / "world.yaml"))
    running = await RunningWorld.start(Options(checked.configure(system_time())))
    control = Control(running)
    try:
        url = await control.start(Address())
        async with aiohttp.ClientSession() as session:
            yield Asker(running, control, url, session)
    finally:
        await control.close()
        await running.close()
