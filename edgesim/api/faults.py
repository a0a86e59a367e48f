"""The errors of the API, with the status and the text the service model has for them."""

from __future__ import annotations

import re
from functools import cache

from edgesim.api.model import service
from edgesim.errors import ControlError


def fault(code: str, message: str = "", of: str = "cloudfront") -> ControlError:
    """The error with this code; without a message, the model's own words."""
    status, words = _known(of).get(code, (400, code))
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
