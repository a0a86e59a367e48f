"""Real-time log configurations (spec §12.3). They are kept and can be attached; no log is sent, which is a warning."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edgesim.api.call import Call, Handler
from edgesim.api.families.checks import Row, between, check_rows, one_of
from edgesim.api.families.regular import Use, used
from edgesim.api.faults import fault
from edgesim.api.paging import page
from edgesim.world.state import Record

FAMILY = "realtime-log-config"
MOST_CONFIGS = 150

_FIELDS = """
    timestamp c-ip s-ip time-to-first-byte sc-status sc-bytes cs-method cs-protocol cs-host cs-uri-stem cs-bytes
    x-edge-location x-edge-request-id x-host-header time-taken cs-protocol-version c-ip-version cs-user-agent
    cs-referer cs-cookie cs-uri-query x-edge-response-result-type x-forwarded-for ssl-protocol ssl-cipher
    x-edge-result-type fle-encrypted-fields fle-status sc-content-type sc-content-len sc-range-start sc-range-end
    c-port x-edge-detailed-result-type c-country cs-accept-encoding cs-accept cache-behavior-path-pattern cs-headers
    cs-header-names cs-headers-count primary-distribution-id primary-distribution-dns-name origin-fbl origin-lbl asn
    cmcd-encoded-bitrate cmcd-buffer-length cmcd-buffer-starvation cmcd-content-id cmcd-object-duration cmcd-deadline
    cmcd-measured-throughput cmcd-next-object-request cmcd-next-range-request cmcd-object-type cmcd-playback-rate
    cmcd-requested-maximum-throughput cmcd-streaming-format cmcd-session-id cmcd-stream-type cmcd-startup
    cmcd-top-bitrate cmcd-version r-host sr-reason x-edge-mqcs distribution-tenant-id connection-id
"""
FIELDS = tuple(_FIELDS.split())
"""What a real-time log can have in a row, in the order it has it."""

NOT_SENT = "Real-time logs are not sent: there is no Kinesis here."


def _matches(pattern: str) -> Any:
    return lambda value: bool(re.fullmatch(pattern, value, re.ASCII))


_BAD = "The parameter {value} is not allowed as "
ROWS = (
    Row("Name", _matches(r"[A-Za-z0-9_-]{1,64}"), "InvalidArgument", _BAD + "Name."),
    Row("SamplingRate", between(1, 100), "InvalidArgument", _BAD + "SamplingRate: 1 to 100."),
    Row("EndPoints", lambda ends: len(ends) == 1, "InvalidArgument", "The parameter EndPoints takes one endpoint."),
    Row("EndPoints[].StreamType", one_of(("Kinesis",)), "InvalidArgument", _BAD + "StreamType: Kinesis."),
    Row("EndPoints[].KinesisStreamConfig.RoleARN", _matches(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+"),
        "InvalidArgument", _BAD + "RoleARN."),
    Row("EndPoints[].KinesisStreamConfig.StreamARN", _matches(r"arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\d{12}:stream/\S+"),
        "InvalidArgument", _BAD + "StreamARN."),
    Row("Fields", bool, "InvalidArgument", "The parameter Fields needs at least one field."),
    Row("Fields[]", one_of(FIELDS), "InvalidArgument", _BAD + "a field."),
)  # fmt: skip
MEMBERS = ("Name", "SamplingRate", "EndPoints", "Fields")


def create(call: Call) -> Mapping[str, Any]:
    """A new configuration."""
    account, config = call.account, _checked(call.params)
    name = str(config["Name"])
    if account.find(FAMILY, name) is not None:
        raise fault("RealtimeLogConfigAlreadyExists")
    if len(account.all(FAMILY)) >= MOST_CONFIGS:
        raise fault("TooManyRealtimeLogConfigs")
    facts = {"arn": account.arn(FAMILY, name), "repairs": [NOT_SENT]}
    return _answer(account.put(FAMILY, name, config, expect=0, facts=facts))


def get(call: Call) -> Mapping[str, Any]:
    """A configuration by name or ARN."""
    return _answer(_find(call))


def update(call: Call) -> Mapping[str, Any]:
    """Replace a configuration; name and ARN stay."""
    record = _find(call)
    config = _checked({**call.params, "Name": record.id})
    return _answer(call.account.put(FAMILY, record.id, config, expect=record.version))


def delete(call: Call) -> Mapping[str, Any]:
    """Delete a configuration that no behaviour uses."""
    record = _find(call)
    if used(call.account, str(record.facts["arn"]), (Use("distribution", "RealtimeLogConfigArn"),)):
        raise fault("RealtimeLogConfigInUse")
    call.account.drop(record)
    return {}


def list_all(call: Call) -> Mapping[str, Any]:
    """All configurations."""
    shown = [_whole(record) for record in call.account.all(FAMILY)]
    return {"RealtimeLogConfigs": page(shown, call.params, lambda one: str(one["Name"]))}


def _checked(params: Mapping[str, Any]) -> dict[str, Any]:
    for member in MEMBERS:
        if member not in params:
            raise fault("InvalidArgument", f"The parameter {member} is required.")
    config = {member: params[member] for member in MEMBERS}
    check_rows(config, ROWS)
    if any("KinesisStreamConfig" not in end for end in config["EndPoints"]):
        raise fault("InvalidArgument", "The parameter KinesisStreamConfig is required.")
    if len(set(config["Fields"])) < len(config["Fields"]):
        raise fault("InvalidArgument", "The parameter Fields contains duplicate values.")
    return config


def _find(call: Call) -> Record:
    name, arn = call.params.get("Name"), call.params.get("ARN")
    if not name and not arn:
        raise fault("InvalidArgument", "The parameter Name or the parameter ARN is required.")
    for record in call.account.all(FAMILY):
        if record.id == name or (not name and record.facts["arn"] == arn):
            return record
    raise fault("NoSuchRealtimeLogConfig")


def _whole(record: Record) -> dict[str, Any]:
    return {"ARN": record.facts["arn"], **record.config}


def _answer(record: Record) -> Mapping[str, Any]:
    return {"RealtimeLogConfig": _whole(record)}


OPERATIONS: Mapping[str, Handler] = {
    "CreateRealtimeLogConfig": create,
    "GetRealtimeLogConfig": get,
    "UpdateRealtimeLogConfig": update,
    "DeleteRealtimeLogConfig": delete,
    "ListRealtimeLogConfigs": list_all,
}
