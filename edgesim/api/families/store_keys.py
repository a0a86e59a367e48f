"""What is in key value stores: the API of service ``cloudfront-keyvaluestore`` (limits: spec §11.1)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import partial
from typing import Any

from edgesim.api.call import Call, Handler
from edgesim.api.etags import etag
from edgesim.api.families.stores import FAMILY
from edgesim.api.faults import fault
from edgesim.errors import ControlError
from edgesim.world.state import Record

MOST_KEY_BYTES = 512
MOST_VALUE_BYTES = 1_024
MOST_BYTES = 5 * 1_024 * 1_024
"""All keys and values of a store."""
MOST_CHANGES = 50
"""Keys of one UpdateKeys."""
USUAL_PAGE = 10

_fault = partial(fault, of="cloudfront-keyvaluestore")


def describe(call: Call) -> Mapping[str, Any]:
    """How much a store holds, and since when."""
    record = _find(call)
    return {
        **_sizes(_keys(record)),
        "KvsARN": record.facts["arn"],
        "Created": record.created,
        "LastModified": record.facts["keys_modified"],
        "Status": "READY",
        "ETag": _etag(record),
    }


def get(call: Call) -> Mapping[str, Any]:
    """The value of a key."""
    keys, key = _keys(_find(call)), str(call.params["Key"])
    if key not in keys:
        raise _no_key(key)
    return {"Key": key, "Value": keys[key], **_sizes(keys)}


def list_all(call: Call) -> Mapping[str, Any]:
    """Keys in the order of their names, a page at a time."""
    keys, last = _keys(_find(call)), _last_of(call.params.get("NextToken", ""))
    names = sorted(key for key in keys if not last or key > last)
    most = int(call.params.get("MaxResults", USUAL_PAGE))
    shown = names[:most]
    answer: dict[str, Any] = {"Items": [{"Key": key, "Value": keys[key]} for key in shown]}
    if len(names) > most:
        answer["NextToken"] = base64.urlsafe_b64encode(shown[-1].encode()).decode()
    return answer


def put(call: Call) -> Mapping[str, Any]:
    """Set one key."""
    return _change(call, {str(call.params["Key"]): str(call.params["Value"])}, [])


def delete(call: Call) -> Mapping[str, Any]:
    """Take one key away."""
    return _change(call, {}, [str(call.params["Key"])])


def update(call: Call) -> Mapping[str, Any]:
    """Set keys and take keys away, all or none of them."""
    puts, deletes = call.params.get("Puts", ()), [str(gone["Key"]) for gone in call.params.get("Deletes", ())]
    named = [str(one["Key"]) for one in puts] + deletes
    if not 1 <= len(named) <= MOST_CHANGES:
        raise _fault("ValidationException", f"An update names 1 to {MOST_CHANGES} keys.")
    if len(set(named)) < len(named):
        raise _fault("ValidationException", "An update names no key twice.")
    return _change(call, {str(one["Key"]): str(one["Value"]) for one in puts}, deletes)


def _change(call: Call, puts: Mapping[str, str], deletes: list[str]) -> Mapping[str, Any]:
    record = _find(call)
    if str(call.params.get("IfMatch", "")).strip('"') != _etag(record):
        raise _fault("ConflictException", "The ETag in If-Match is not that of the key value store as it is now.")
    keys = _keys(record)
    for key, value in puts.items():
        if len(key.encode()) > MOST_KEY_BYTES or len(value.encode()) > MOST_VALUE_BYTES:
            words = f"A key has at most {MOST_KEY_BYTES} bytes and a value {MOST_VALUE_BYTES}."
            raise _fault("ValidationException", words)
    for key in deletes:
        if keys.pop(key, None) is None:
            raise _no_key(key)
    keys.update(puts)
    if _sizes(keys)["TotalSizeInBytes"] > MOST_BYTES:
        raise _fault("ServiceQuotaExceededException", f"A key value store holds at most {MOST_BYTES} bytes.")
    if keys != record.facts["keys"]:
        version: Any = record.facts["keys_version"]
        facts = {**record.facts, "keys": keys, "keys_version": version + 1, "keys_modified": call.account.now}
        record = call.account.put(FAMILY, record.id, record.config, expect=record.version, facts=facts)
    return {**_sizes(keys), "ETag": _etag(record)}


def _find(call: Call) -> Record:
    for record in call.account.all(FAMILY):
        if record.facts["arn"] == call.params["KvsARN"]:
            return record
    raise _fault("ResourceNotFoundException", "There is no such key value store.")


def _no_key(key: str) -> ControlError:
    return _fault("ResourceNotFoundException", f"There is no key {key[:100]}.")


def _keys(record: Record) -> dict[str, str]:
    """A copy of the contents."""
    keys: Any = record.facts["keys"]
    return dict(keys)


def _etag(record: Record) -> str:
    version: Any = record.facts["keys_version"]
    return etag(version)


def _sizes(keys: Mapping[str, str]) -> dict[str, Any]:
    size = sum(len(key.encode()) + len(value.encode()) for key, value in keys.items())
    return {"ItemCount": len(keys), "TotalSizeInBytes": size}


def _last_of(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), b"-_", validate=True).decode()
    except ValueError:
        raise _fault("ValidationException", "The parameter NextToken is not one of this list.") from None


KEY_OPERATIONS: Mapping[str, Handler] = {
    "DescribeKeyValueStore": describe,
    "GetKey": get,
    "ListKeys": list_all,
    "PutKey": put,
    "DeleteKey": delete,
    "UpdateKeys": update,
}
