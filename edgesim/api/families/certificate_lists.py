"""ACM's list of certificates, in pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

from edgesim.api.call import Call
from edgesim.api.families.certificate_details import all_held, summary
from edgesim.api.families.certificate_imports import refused
from edgesim.api.faults import fault

DEFAULT_PAGE = 1_000
LISTED_KEYS = ("RSA_1024", "RSA_2048")
"""The keys of the certificates that are listed unless others are asked for."""


def list_certificates(call: Call) -> Mapping[str, Any]:
    """A page of summaries; those with other keys than RSA of 1,024 and 2,048 bits only when they are asked for."""
    params = call.params
    if ("SortBy" in params) != ("SortOrder" in params):
        raise refused("SortBy and SortOrder must be given together.")
    found = [summary(one, call.account.now) for one in all_held(call.account, call.region)]
    found = [one for one in found if _listed(one, params)]
    if "SortBy" in params:
        found.sort(key=lambda one: one["CreatedAt"], reverse=params["SortOrder"] == "DESCENDING")
    arns, start = [one["CertificateArn"] for one in found], 0
    if "NextToken" in params:
        last = _arn_of(params["NextToken"])
        if last not in arns:
            raise fault("InvalidArgsException", "The NextToken is not one that was given, or no longer.", of="acm")
        start = arns.index(last) + 1
    page = found[start : start + params.get("MaxItems", DEFAULT_PAGE)]
    result: dict[str, Any] = {"CertificateSummaryList": page}
    if start + len(page) < len(found):
        result["NextToken"] = base64.b64encode(page[-1]["CertificateArn"].encode()).decode()
    return result


def _listed(one: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    includes = params.get("Includes", {})
    wanted = includes.get("keyTypes") or LISTED_KEYS
    statuses, origins = params.get("CertificateStatuses"), params.get("CertificateKeyPairOrigins")
    return (
        one["KeyAlgorithm"] in wanted
        and (not statuses or one["Status"] in statuses)
        and (not origins or one["CertificateKeyPairOrigin"] in origins)
        and _any_of(includes.get("keyUsage"), one["KeyUsages"])
        and _any_of(includes.get("extendedKeyUsage"), one["ExtendedKeyUsages"])
        and includes.get("exportOption", one["ExportOption"]) == one["ExportOption"]
        and "managedBy" not in includes
    )


def _any_of(wanted: Iterable[str] | None, has: Iterable[str]) -> bool:
    return not wanted or bool(set(wanted) & set(has))


def _arn_of(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
