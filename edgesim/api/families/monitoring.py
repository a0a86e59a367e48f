"""Monitoring subscriptions: additional metrics of a distribution (spec §12.4), asked for and not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgesim.api.call import Call, Handler
from edgesim.api.faults import fault
from edgesim.world.state import Record

FAMILY = "monitoring-subscription"


def create(call: Call) -> Mapping[str, Any]:
    """Ask for additional metrics of a distribution."""
    account, id = call.account, _distribution(call)
    if account.find(FAMILY, id) is not None:
        raise fault("MonitoringSubscriptionAlreadyExists")
    asked = dict(call.params["MonitoringSubscription"])
    return _answer(account.put(FAMILY, id, asked, expect=0))


def get(call: Call) -> Mapping[str, Any]:
    """What was asked for."""
    return _answer(_find(call))


def delete(call: Call) -> Mapping[str, Any]:
    """Ask for no additional metrics any more."""
    call.account.drop(_find(call))
    return {}


def _distribution(call: Call) -> str:
    id = str(call.params["DistributionId"])
    if call.account.find("distribution", id) is None:
        raise fault("NoSuchDistribution")
    return id


def _find(call: Call) -> Record:
    record = call.account.find(FAMILY, _distribution(call))
    if record is None:
        raise fault("NoSuchMonitoringSubscription")
    return record


def _answer(record: Record) -> Mapping[str, Any]:
    return {"MonitoringSubscription": record.config}


OPERATIONS: Mapping[str, Handler] = {
    "CreateMonitoringSubscription": create,
    "GetMonitoringSubscription": get,
    "DeleteMonitoringSubscription": delete,
}
