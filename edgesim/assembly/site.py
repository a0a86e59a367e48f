"""The toy site as a process of its own: started, asked for its ports, told of new certificates, ended."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
from pathlib import Path

from edgesim.errors import EdgesimError
from edgesim.world.origins import SiteSection

READY = re.compile(r"origin ready http=http://[^:]+:(\d+)(?: https=https://[^:]+:(\d+))?")
PATIENCE = 30.0
"""Seconds the site has to become ready."""


class SiteFailed(EdgesimError):
    """The toy site did not start."""


class ToySite:
    """A running ``python -m origin``; it ends with this process, however that ends."""

    def __init__(self, process: asyncio.subprocess.Process, http_port: int, https_port: int) -> None:
        self._process = process
        self.http_port = http_port
        self.https_port = https_port

    @classmethod
    async def start(cls, section: SiteSection, certificate: Path | None) -> ToySite:
        """Start the site and wait until it answers; raises SiteFailed."""
        # -P: a directory or file of the user's called "origin" must not take the site's place.
        arguments = ["-P", "-m", "origin", "--http", "0", "--nodes", str(section.nodes), "--host-name", section.domain]
        if section.sticky:
            arguments.append("--sticky")
        if section.signed_only is not None:
            arguments += ["--signed-only", section.signed_only]
        if certificate is not None:
            arguments += ["--https", "0", "--cert", str(certificate), "--key", str(certificate)]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            "--exit-with-parent",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        except TimeoutError:
            process.kill()
            raise SiteFailed(f"the toy site was not ready within {PATIENCE:.0f} s") from None
        ready = READY.search(line.decode("utf-8", "replace"))
        if ready is None:
            await process.wait()
            raise SiteFailed(f"the toy site did not start (exit status {process.returncode}); its words are above")
        return cls(process, int(ready[1]), int(ready[2] or 0))

    def reload_certificate(self) -> None:
        """The certificate's file has changed."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGHUP)

    async def close(self) -> None:
        """End it; it finishes what is in flight."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), 8)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
