"""The errors of the API, with the status and the text the service model has for them."""

from __future__ import annotations

import re
from functools import cache

from edgesim.api.model import service
from edgesim.errors import ControlError

COMMON = {
    "IncompleteSignature": (403, "The request signature does not conform to AWS standards."),
    "IncompleteSignatureException": (400, "The request signature does not conform to AWS standards."),
    "InternalFailure": (
        500,
        "The request processing has failed inside edgesim; its own output says how.",
    ),
    "InvalidAction": (400, "The action or operation requested is invalid."),
    "InvalidSignatureException": (400, "The request signature does not match."),
    "MalformedQueryString": (400, "The query string contains a syntax error."),
    "MalformedXML": (400, "The XML document is malformed."),
    "MethodNotAllowed": (405, "The method is not allowed for this resource."),
    "MissingAction": (400, "The request is missing an action or a required parameter."),
    "NotImplemented": (501, "edgesim does not emulate this operation."),
    "RequestEntityTooLarge": (413, "The request is larger than 1 MiB."),
    "SerializationException": (400, "The request is not valid JSON."),
    "SignatureDoesNotMatch": (403, "The request signature does not match."),
    "UnknownOperationException": (404, "There is no such operation."),
    "ValidationError": (400, "The input fails to satisfy the constraints specified by the service."),
}
"""Errors that all services share and no model lists."""

SAID = {
    "DistributionNotDisabled": "The distribution you are trying to delete has not been disabled.",
    "InvalidIfMatchVersion": "The If-Match version is missing or not valid for the resource.",
    "PreconditionFailed": (
        "The request failed because it didn't meet the preconditions in one or more request-header fields."
    ),
}
"""What CloudFront says of its commonest errors, where the model documents them in other words."""


def fault(code: str, message: str = "", of: str = "cloudfront") -> ControlError:
    """The error with this code; without a message, the service's own words."""
    status, words = _known(of).get(code) or COMMON.get(code, (400, code))
    if of == "cloudfront":
        words = SAID.get(code, words)
    return ControlError(code, message or words, status)


@cache
def _known(name: str) -> dict[str, tuple[int, str]]:
    """Status and words of every error of a service, by code."""
    found: dict[str, tuple[int, str]] = {}
    model = service(name)
    for shape in model.error_shapes:
        error = shape.metadata.get("error", {})
        words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", shape.documentation)).strip()
        found[str(error.get("code", shape.name))] = (int(error.get("httpStatusCode", 400)), words or shape.name)
    return found
