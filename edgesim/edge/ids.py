"""Names that are made per request or per cache: X-Amz-Cf-Id and the name in Via (spec §1.6)."""

from __future__ import annotations

import hashlib
import os
from base64 import urlsafe_b64encode
from functools import cache


def request_id() -> str:
    """A new X-Amz-Cf-Id: 56 characters, base64url of 40 random bytes."""
    return urlsafe_b64encode(os.urandom(40)).decode()


@cache
def via_name(node: str) -> str:
    """The 32 hex digits a cache has in Via; always the same for the same cache."""
    return hashlib.md5(f"edgesim {node}".encode(), usedforsecurity=False).hexdigest()
