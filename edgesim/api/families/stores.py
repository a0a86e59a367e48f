"""Key value stores for functions: the stores themselves; ``store_keys`` has their contents."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgesim.api.call import Call, Handler
from edgesim.api.etags import check_if_match, etag
from edgesim.api.families.regular import ADDRESS, mentions
from edgesim.api.families.tag_rules import tags_of
from edgesim.api.faults import fault
from edgesim.api.paging import page
from edgesim.world.state import Record

FAMILY = "key-value-store"
MOST_STORES = 50
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
NOT_IMPORTED = "ImportSource was not read, for there is no S3 here: the store began empty."

# A record's facts have the arn, the store's id, its version and modified time, and its contents: keys, the version of
# the contents and when they changed. The two versions are apart, for each of the two APIs has its own ETag.


def create(call: Call) -> Mapping[str, Any]:
    """A new store, empty. What ImportSource names is not read, which is a warning."""
    account, name = call.account, str(call.params["Name"])
    if not NAME.fullmatch(name):
        raise fault("InvalidArgument", "The parameter Name takes 1 to 64 letters, digits, dashes and underscores.")
    if account.find(FAMILY, name) is not None:
        raise fault("EntityAlreadyExists")
    if len(account.all(FAMILY)) >= MOST_STORES:
        raise fault("EntityLimitExceeded")
    config = {"Name": name, "Comment": _comment(call)}
    id = str(uuid.uuid4())
    facts: dict[str, Any] = {
        "id": id,
        "arn": account.arn(FAMILY, id),
        "version": 1,
        "modified": account.now,
        "keys": {},
        "keys_version": 1,
        "keys_modified": account.now,
    }
    if "ImportSource" in call.params:
        config["ImportSource"] = call.params["ImportSource"]
        facts["repairs"] = [NOT_IMPORTED]
    tags = tags_of(call.params.get("Tags", {}))
    record = account.put(FAMILY, name, config, expect=0, facts=facts, tags=tags)
    return {
        "KeyValueStore": {**_whole(record), "Status": "PROVISIONING"},
        "ETag": etag(1),
        "Location": f"{ADDRESS}/{FAMILY}/{name}",
    }


def describe(call: Call) -> Mapping[str, Any]:
    """A store."""
    return _described(_find(call))


def update(call: Call) -> Mapping[str, Any]:
    """Another comment."""
    account, record = call.account, _find(call)
    _check_version(call, record)
    config = {**record.config, "Comment": _comment(call)}
    if config != record.config:
        facts = {**record.facts, "version": _version(record) + 1, "modified": account.now}
        record = account.put(FAMILY, record.id, config, expect=record.version, facts=facts)
    return _described(record)


def delete(call: Call) -> Mapping[str, Any]:
    """Delete a store that no function uses, in either stage."""
    record = _find(call)
    _check_version(call, record)
    arn = str(record.facts["arn"])
    functions = call.account.all("function")
    if any(mentions((function.config, function.facts), "KeyValueStoreARN", arn) for function in functions):
        raise fault("CannotDeleteEntityWhileInUse")
    call.account.drop(record)
    return {}


def list_all(call: Call) -> Mapping[str, Any]:
    """All stores of a ``Status``; by now each is READY."""
    wanted = call.params.get("Status", "READY")
    stores = [_whole(record) for record in call.account.all(FAMILY)]
    shown = [store for store in stores if store["Status"] == wanted]
    return {"KeyValueStoreList": page(shown, call.params, lambda store: str(store["Name"]))}


def _comment(call: Call) -> str:
    comment = str(call.params.get("Comment", ""))
    if len(comment) > 128:
        raise fault("InvalidArgument", "The parameter Comment is too long: 128 characters at most.")
    return comment


def _find(call: Call) -> Record:
    record = call.account.find(FAMILY, call.params["Name"])
    if record is None:
        raise fault("EntityNotFound")
    return record


def _version(record: Record) -> int:
    version: Any = record.facts["version"]
    return int(version)


def _check_version(call: Call, record: Record) -> None:
    check_if_match(call, replace(record, version=_version(record)))


def _described(record: Record) -> Mapping[str, Any]:
    return {"KeyValueStore": _whole(record), "ETag": etag(_version(record))}


def _whole(record: Record) -> dict[str, Any]:
    return {
        "Name": record.id,
        "Id": record.facts["id"],
        "Comment": record.config["Comment"],
        "ARN": record.facts["arn"],
        "Status": "READY",
        "LastModifiedTime": record.facts["modified"],
    }


OPERATIONS: Mapping[str, Handler] = {
    "CreateKeyValueStore": create,
    "DescribeKeyValueStore": describe,
    "UpdateKeyValueStore": update,
    "DeleteKeyValueStore": delete,
    "ListKeyValueStores": list_all,
}
