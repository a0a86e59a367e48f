"""The operations that act, by service: one module for each kind of thing, collected here."""

from __future__ import annotations

from collections.abc import Mapping

from edgesim.api.call import Handler
from edgesim.api.families import certificates, functions, identity, monitoring, realtime_logs, regular_kinds, stores

CLOUDFRONT: Mapping[str, Handler] = {
    **regular_kinds.OPERATIONS,
    **functions.OPERATIONS,
    **stores.OPERATIONS,
    **realtime_logs.OPERATIONS,
    **monitoring.OPERATIONS,
}
ACM: Mapping[str, Handler] = certificates.ACM_OPERATIONS
STS: Mapping[str, Handler] = identity.STS_OPERATIONS
