"""Invalidations (spec §8): the same ones as the control port's own API has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgesim.api.account import Account
from edgesim.api.call import Call, Handler
from edgesim.api.families.checks import items
from edgesim.api.families.distributions import of
from edgesim.api.faults import fault
from edgesim.api.paging import page
from edgesim.errors import ControlError
from edgesim.world.commands import Invalidate
from edgesim.world.state import Invalidation

_USED = (
    "Your request contains a caller reference that was used for a previous invalidation batch for the same "
    "distribution."
)
_INVALID = "Your request contains one or more invalid invalidation paths."


def create(call: Call) -> Mapping[str, Any]:
    """Begin an invalidation; the same caller reference with the same paths again is the same one."""
    account, batch = call.account, call.params["InvalidationBatch"]
    distribution = _known(account, call.params["DistributionId"])
    paths, reference = tuple(items(batch, "Paths")), str(batch["CallerReference"])
    if not reference:
        raise fault("InvalidArgument", "The parameter CallerReference is required.")
    if len(set(paths)) < len(paths):
        raise fault("InvalidArgument", "Your request contains an invalidation path twice.")
    command = Invalidate(
        id=account.new_id("I"), distribution=distribution, paths=paths, caller_reference=reference, at=account.now
    )
    try:
        account.apply(command)
    except ControlError as error:
        if error.code == "InvalidationBatchAlreadyExists":
            raise fault("InvalidArgument", _USED) from None
        if error.code == "InvalidArgument" and paths:
            raise fault("InvalidArgument", f"{_INVALID} {error.message}") from None
        raise
    one = next(
        one
        for one in reversed(account.world.invalidations)
        if (one.distribution, one.caller_reference) == (distribution, reference)
    )
    status = "InProgress" if one.id == command.id else one.status(account.now)
    location = f"https://cloudfront.amazonaws.com/2020-05-31/distribution/{distribution}/invalidation/{one.id}"
    return {"Location": location, "Invalidation": _describe(one, status)}


def get(call: Call) -> Mapping[str, Any]:
    """One invalidation, and whether every cache has carried it out."""
    for one in _mine(call.account, call.params["DistributionId"]):
        if one.id == call.params["Id"]:
            return {"Invalidation": _describe(one, one.status(call.account.now))}
    raise fault("NoSuchInvalidation")


def list_all(call: Call) -> Mapping[str, Any]:
    """The invalidations of a distribution, the latest first."""
    account = call.account
    found = [
        {"Id": one.id, "CreateTime": one.at, "Status": one.status(account.now)}
        for one in reversed(_mine(account, call.params["DistributionId"]))
    ]
    return {"InvalidationList": page(found, call.params)}


def _mine(account: Account, distribution: str) -> list[Invalidation]:
    id = _known(account, distribution)
    return [one for one in account.world.invalidations if one.distribution == id]


def _known(account: Account, id: str) -> str:
    """The id of a distribution, of the world file's too. Raises ControlError (NoSuchDistribution)."""
    if id not in account.world.distributions:
        of(account, id)
    return id


def _describe(one: Invalidation, status: str) -> dict[str, Any]:
    return {
        "Id": one.id,
        "Status": status,
        "CreateTime": one.at,
        "InvalidationBatch": {
            "Paths": {"Quantity": len(one.paths), "Items": list(one.paths)},
            "CallerReference": one.caller_reference,
        },
    }


OPERATIONS: Mapping[str, Handler] = {
    "CreateInvalidation": create,
    "GetInvalidation": get,
    "ListInvalidations": list_all,
}
