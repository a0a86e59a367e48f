"""The programs of others that the benchmark needs: found, installed where that is allowed, or missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PACKAGES = {"nginx": "nginx-light", "varnishd": "varnish", "wrk": "wrk"}
POLICY = Path("/usr/sbin/policy-rc.d")


def missing(names: tuple[str, ...] = tuple(PACKAGES)) -> list[str]:
    """Which of the programs are not there."""
    return [name for name in names if shutil.which(name) is None]


def install() -> str:
    """Install what is missing, if this is root on a system with apt-get; what could not be done, in words."""
    lacking = missing()
    if not lacking:
        return ""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return f"{', '.join(lacking)} not installed, and only root with apt-get could"
    quiet = not POLICY.exists()
    if quiet:  # installing must not start servers on the usual ports
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        for name in lacking:
            command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", PACKAGES[name]]
            subprocess.run(command, capture_output=True, timeout=180, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"installing failed: {error}"
    finally:
        if quiet:
            POLICY.unlink(missing_ok=True)
    lacking = missing()
    return f"{', '.join(lacking)} could not be installed" if lacking else ""
