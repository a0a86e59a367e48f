"""Distributions as other tools take them."""

from __future__ import annotations

from typing import Any

from edgesim.api.account import Account
from edgesim.api.faults import fault


def as_cli(account: Account, id: str) -> dict[str, Any]:
    """A DistributionConfig as `aws cloudfront create-distribution --distribution-config` takes it."""
    record = account.find("distribution", id)
    if record is None:
        raise fault("NoSuchDistribution")
    return dict(record.config)
