"""One operation asked for, and what answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edgesim.api.account import Account


@dataclass(frozen=True, slots=True)
class Call:
    """An operation of a service model, checked against it.

    ``params`` has the model's member names: structures are dicts, lists lists, blobs bytes, timestamps epoch seconds.
    Members that were not sent are not there.
    """

    operation: str
    params: Mapping[str, Any]
    account: Account
    region: str = "us-east-1"
    """The region the request was signed for; it counts for ACM only, where CloudFront sees none but us-east-1."""


Handler = Callable[[Call], Mapping[str, Any]]
"""Does what a call asks; gives the output in member names. Raises ControlError."""
