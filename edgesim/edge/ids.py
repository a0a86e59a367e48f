"""Names that are made per request or per cache: X-Amz-Cf-Id and the name in Via (spec §1.6)."""

from __future__ import annotations

import hashlib
import os
from base64 import urlsafe_b64encode
from functools import cache

_made: list[str] = []
"""Ids that nobody has yet: the system is asked for randomness once for many."""


def request_id() -> str:
    """A new X-Amz-Cf-Id: 56 characters, base64url of 40 random bytes."""
    if not _made:
        random = os.urandom(40 * 256)
        _made.extend(urlsafe_b64encode(random[at : at + 40]).decode() for at in range(0, len(random), 40))
    return _made.pop()


@cache
def via_name(node: str) -> str:
    """The 32 hex digits a cache has in Via; always the same for the same cache."""
    return hashlib.md5(f"edgesim {node}".encode(), usedforsecurity=False).hexdigest()
