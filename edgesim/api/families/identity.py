"""Who is asking: the one account of a world, whatever the credentials (STS)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgesim.api.call import Call, Handler


def get_caller_identity(call: Call) -> Mapping[str, Any]:
    """The account's root: keys are not checked, so nobody is less."""
    id = call.account.id
    return {"Account": id, "Arn": f"arn:aws:iam::{id}:root", "UserId": id}


STS_OPERATIONS: Mapping[str, Handler] = {"GetCallerIdentity": get_caller_identity}
