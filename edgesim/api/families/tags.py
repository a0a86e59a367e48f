"""Tags of whatever has an ARN. They are no part of a document's version: tagging changes no ETag."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edgesim.api.account import Account
from edgesim.api.call import Call, Handler
from edgesim.api.families.tag_rules import tags_of
from edgesim.api.faults import fault
from edgesim.world.state import Record

TAGGABLE = ("distribution", "function", "key-value-store", "realtime-log-config")
"""Families whose things have ARNs to tag by."""

_ARN = re.compile(r"arn:aws(-cn)?:cloudfront::[0-9]{12}:[a-z-]+/\S+", re.ASCII)


def tag(call: Call) -> Mapping[str, Any]:
    """Add tags, or give those there another value."""
    record = _changeable(call)
    _put(call.account, record, tags_of(call.params["Tags"], record.tags))
    return {}


def untag(call: Call) -> Mapping[str, Any]:
    """Take tags off; those that are not there are no mistake."""
    record = _changeable(call)
    gone = set(call.params["TagKeys"].get("Items") or ())
    _put(call.account, record, {key: value for key, value in record.tags.items() if key not in gone})
    return {}


def list_tags(call: Call) -> Mapping[str, Any]:
    """All tags of a resource."""
    tags = _of(call).tags
    return {"Tags": {"Items": [{"Key": key, "Value": value} for key, value in tags.items()]}}


def _of(call: Call) -> Record:
    arn = str(call.params["Resource"])
    if not _ARN.fullmatch(arn):
        raise fault("InvalidArgument", f"The parameter Resource is not an ARN of CloudFront's: {arn}")
    for family in TAGGABLE:
        for record in call.account.all(family):
            if record.facts.get("arn") == arn:
                return record
    raise fault("NoSuchResource")


def _changeable(call: Call) -> Record:
    record = _of(call)
    if record.facts.get("owner") == "file":
        raise fault("AccessDenied", f"{record.id} is defined in {call.account.world.source}, which has no tags.")
    return record


def _put(account: Account, record: Record, tags: Mapping[str, str]) -> None:
    account.put(record.family, record.id, record.config, expect=record.version, tags=tags)


OPERATIONS: Mapping[str, Handler] = {"TagResource": tag, "UntagResource": untag, "ListTagsForResource": list_tags}
