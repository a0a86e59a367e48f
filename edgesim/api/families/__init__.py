"""The operations that act, by service: one module for each kind of thing, collected here."""

from __future__ import annotations

from collections.abc import Mapping

from edgesim.api.call import Handler
from edgesim.api.families import (
    aliases,
    certificates,
    distribution_lists,
    distributions,
    functions,
    identity,
    invalidations,
    monitoring,
    realtime_logs,
    regular_kinds,
    staging,
    store_keys,
    stores,
    tags,
)

CLOUDFRONT: Mapping[str, Handler] = {
    **regular_kinds.OPERATIONS,
    **functions.OPERATIONS,
    **stores.OPERATIONS,
    **realtime_logs.OPERATIONS,
    **monitoring.OPERATIONS,
    **distributions.OPERATIONS,
    **distribution_lists.OPERATIONS,
    **aliases.OPERATIONS,
    **staging.OPERATIONS,
    **invalidations.OPERATIONS,
    **tags.OPERATIONS,
}
ACM: Mapping[str, Handler] = certificates.ACM_OPERATIONS
STS: Mapping[str, Handler] = identity.STS_OPERATIONS
STORES: Mapping[str, Handler] = store_keys.KEY_OPERATIONS
