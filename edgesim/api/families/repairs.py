"""What ``--lenient`` mends in a DistributionConfig, and what an update must not leave out."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from edgesim.api.families.behavior_rules import behaviors
from edgesim.api.families.checks import Document, items
from edgesim.api.faults import fault

CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"

_WHOLE = (
    "Aliases", "CacheBehaviors", "CustomErrorResponses", "Logging", "PriceClass", "ViewerCertificate", "Restrictions",
    "HttpVersion",
)  # fmt: skip
_ORIGIN = ("CustomHeaders",)
_BEHAVIOR = ("AllowedMethods", "SmoothStreaming", "Compress", "LambdaFunctionAssociations")
"""Members that only an update must have. Texts that may be empty are not among them: old clients leave those out."""


def repair(config: Document) -> tuple[dict[str, Any], list[str]]:
    """A config with what ``--lenient`` mends mended, and a sentence about each repair."""
    mended, said = copy.deepcopy(dict(config)), list[str]()
    for name, behavior in zip(_behavior_names(config), behaviors(mended), strict=True):
        if not behavior.get("CachePolicyId") and "ForwardedValues" not in behavior:
            for member in ("MinTTL", "DefaultTTL", "MaxTTL"):
                behavior.pop(member, None)
            behavior["CachePolicyId"] = CACHING_OPTIMIZED
            said.append(f"{name}: neither CachePolicyId nor ForwardedValues was given; CachingOptimized was taken")
        elif "ForwardedValues" in behavior and "MinTTL" not in behavior and not behavior.get("CachePolicyId"):
            behavior["MinTTL"] = 0
            said.append(f"{name}.MinTTL: it was not given; 0 was taken")
    return mended, said


def missing_in_update(config: Document) -> list[str]:
    """Paths of the members that an update must have and this one has not."""
    places: list[tuple[str, Document, tuple[str, ...]]] = [("", config, _WHOLE)]
    places += [(f"Origins.{one['Id']}.", one, _ORIGIN) for one in items(config, "Origins")]
    named = zip(_behavior_names(config), behaviors(config), strict=True)
    places += [(f"{name}.", behavior, _BEHAVIOR) for name, behavior in named]
    return [f"{path}{member}" for path, document, members in places for member in members if member not in document]


def check_update(config: Document, *, lenient: bool) -> list[str]:
    """Refuse an update that leaves members out (IllegalUpdate); sentences about them where that is mended."""
    missing = missing_in_update(config)
    if missing and not lenient:
        raise fault("IllegalUpdate", f"The parameter {missing[0]} is required to update a distribution.")
    return [f"{path}: the update left it out; CloudFront's default was taken" for path in missing]


def _behavior_names(config: Document) -> Iterator[str]:
    yield "DefaultCacheBehavior"
    for one in items(config, "CacheBehaviors"):
        yield f"CacheBehaviors.{one.get('PathPattern', '')}"
