"""CloudFront functions: code in the stages DEVELOPMENT and LIVE (spec §11.1). It is kept; nothing runs it yet."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgesim.api.account import Account
from edgesim.api.call import Call, Handler
from edgesim.api.etags import check_if_match, etag
from edgesim.api.families.checks import items
from edgesim.api.families.regular import ADDRESS, Use, used
from edgesim.api.families.tag_rules import tags_of
from edgesim.api.faults import fault
from edgesim.api.paging import page
from edgesim.world.state import Record

FAMILY = "function"
MOST_FUNCTIONS = 100
MOST_CODE_BYTES = 10 * 1_024
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

# A record's config is the DEVELOPMENT stage: Name, FunctionConfig and FunctionCode in base64. Its facts have the arn,
# the version and the modified time of that stage, and under "live" the published stage: FunctionConfig, FunctionCode,
# version, created and modified. Each stage counts its own versions, for each has its own ETag.


def create(call: Call) -> Mapping[str, Any]:
    """Keep a new function, not yet published."""
    account, name = call.account, str(call.params["Name"])
    if not NAME.fullmatch(name):
        raise fault("InvalidArgument", "The parameter Name takes 1 to 64 letters, digits, dashes and underscores.")
    config = {"Name": name, **_code(call)}
    if account.find(FAMILY, name) is not None:
        raise fault("FunctionAlreadyExists")
    if len(account.all(FAMILY)) >= MOST_FUNCTIONS:
        raise fault("TooManyFunctions")
    facts = {"arn": account.arn("function", name), "version": 1, "modified": account.now}
    tags = tags_of(call.params.get("Tags", {}))
    record = account.put(FAMILY, name, config, expect=0, facts=facts, tags=tags)
    return {**_described(account, record, "DEVELOPMENT"), "Location": f"{ADDRESS}/function/{name}"}


def describe(call: Call) -> Mapping[str, Any]:
    """A stage of a function without its code."""
    return _described(call.account, _find(call), _stage(call))


def get(call: Call) -> Mapping[str, Any]:
    """The code of a stage."""
    record, stage = _find(call), _stage(call)
    part = _part(record, stage)
    return {
        "FunctionCode": base64.b64decode(part["FunctionCode"]),
        "ETag": etag(_version(record, stage)),
        "ContentType": "application/octet-stream",
    }


def update(call: Call) -> Mapping[str, Any]:
    """Replace code and configuration of the DEVELOPMENT stage."""
    account, record = call.account, _find(call)
    _check_version(call, record, "DEVELOPMENT")
    config = {"Name": record.id, **_code(call)}
    if config != record.config:
        facts = {**record.facts, "version": _version(record, "DEVELOPMENT") + 1, "modified": account.now}
        record = account.put(FAMILY, record.id, config, expect=record.version, facts=facts)
    return _described(account, record, "DEVELOPMENT")


def publish(call: Call) -> Mapping[str, Any]:
    """Copy the DEVELOPMENT stage to LIVE."""
    account, record = call.account, _find(call)
    _check_version(call, record, "DEVELOPMENT")
    old: Any = record.facts.get("live")
    live = {
        "FunctionConfig": record.config["FunctionConfig"],
        "FunctionCode": record.config["FunctionCode"],
        "version": old["version"] + 1 if old else 1,
        "published": record.facts["version"],
        "created": old["created"] if old else account.now,
        "modified": account.now,
    }
    record = account.put(FAMILY, record.id, record.config, expect=record.version, facts={**record.facts, "live": live})
    described = _described(account, record, "LIVE")
    return {"FunctionSummary": described["FunctionSummary"]}


def delete(call: Call) -> Mapping[str, Any]:
    """Delete a function that no distribution uses."""
    record = _find(call)
    _check_version(call, record, "DEVELOPMENT")
    if _associated(call.account, record):
        raise fault("FunctionInUse")
    call.account.drop(record)
    return {}


def list_all(call: Call) -> Mapping[str, Any]:
    """Every stage of every function, or one stage of each."""
    stages = (call.params["Stage"],) if "Stage" in call.params else ("DEVELOPMENT", "LIVE")
    summaries = [
        _summary(call.account, record, stage)
        for record in call.account.all(FAMILY)
        for stage in stages
        if stage == "DEVELOPMENT" or "live" in record.facts
    ]
    return {"FunctionList": page(summaries, call.params, _marker)}


def test(call: Call) -> Mapping[str, Any]:
    """Refused, once the function and its version are known to be right: edgesim does not run functions."""
    record, stage = _find(call), _stage(call)
    _part(record, stage)
    _check_version(call, record, stage)
    raise fault("UnsupportedOperation", f"edgesim keeps the code of {record.id} but does not run functions yet.")


def _code(call: Call) -> dict[str, Any]:
    """Configuration and code of a call, checked."""
    config, code = call.params["FunctionConfig"], bytes(call.params["FunctionCode"])
    if len(code) > MOST_CODE_BYTES:
        raise fault("FunctionSizeLimitExceeded")
    stores = items(config, "KeyValueStoreAssociations")
    if len(stores) > 1:
        raise fault("InvalidArgument", "A function can be associated with one key value store.")
    if stores and config["Runtime"] != "cloudfront-js-2.0":
        raise fault("InvalidArgument", "A function with a key value store needs the runtime cloudfront-js-2.0.")
    known = [record.facts["arn"] for record in call.account.all("key-value-store")]
    for store in stores:
        if store["KeyValueStoreARN"] not in known:
            raise fault("InvalidArgument", f"There is no key value store {store['KeyValueStoreARN']}.")
    return {"FunctionConfig": config, "FunctionCode": base64.b64encode(code).decode()}


def _find(call: Call) -> Record:
    record = call.account.find(FAMILY, call.params["Name"])
    if record is None:
        raise fault("NoSuchFunctionExists")
    return record


def _stage(call: Call) -> str:
    return str(call.params.get("Stage", "DEVELOPMENT"))


def _part(record: Record, stage: str) -> Mapping[str, Any]:
    """What a record says of a stage. Raises NoSuchFunctionExists for LIVE before it was published."""
    part: Any = record.config if stage == "DEVELOPMENT" else record.facts.get("live")
    if part is None:
        raise fault("NoSuchFunctionExists")
    return {"created": record.created, **record.facts, **part}


def _version(record: Record, stage: str) -> int:
    return int(_part(record, stage)["version"])


def _check_version(call: Call, record: Record, stage: str) -> None:
    check_if_match(call, replace(record, version=_version(record, stage)))


def _described(account: Account, record: Record, stage: str) -> dict[str, Any]:
    return {"FunctionSummary": _summary(account, record, stage), "ETag": etag(_version(record, stage))}


def _summary(account: Account, record: Record, stage: str) -> dict[str, Any]:
    part = _part(record, stage)
    return {
        "Name": record.id,
        "Status": _status(account, record, stage),
        "FunctionConfig": part["FunctionConfig"],
        "FunctionMetadata": {
            "FunctionARN": record.facts["arn"],
            "Stage": stage,
            "CreatedTime": part["created"],
            "LastModifiedTime": part["modified"],
        },
    }


def _status(account: Account, record: Record, stage: str) -> str:
    live: Any = record.facts.get("live")
    if live is None or (stage == "DEVELOPMENT" and live["published"] != record.facts["version"]):
        return "UNPUBLISHED"
    return "DEPLOYED" if _associated(account, record) else "UNASSOCIATED"


def _associated(account: Account, record: Record) -> bool:
    return used(account, str(record.facts["arn"]), (Use("distribution", "FunctionARN"),))


def _marker(summary: Mapping[str, Any]) -> str:
    return f"{summary['Name']}:{summary['FunctionMetadata']['Stage']}"


OPERATIONS: Mapping[str, Handler] = {
    "CreateFunction": create,
    "DescribeFunction": describe,
    "GetFunction": get,
    "UpdateFunction": update,
    "PublishFunction": publish,
    "DeleteFunction": delete,
    "ListFunctions": list_all,
    "TestFunction": test,
}
