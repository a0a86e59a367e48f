"""Tags: what a key and a value can be, and how many there can be (spec §4.7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edgesim.api.faults import fault

MOST_TAGS = 50
_TEXT = re.compile(r"[\w\s.:/=+\-@]*")


def tags_of(given: Mapping[str, Any], old: Mapping[str, str] | None = None) -> dict[str, str]:
    """The tags of a ``Tags`` structure, on top of old ones. Raises ControlError (InvalidTagging)."""
    found: dict[str, str] = {}
    for tag in given.get("Items") or ():
        key, value = str(tag["Key"]), str(tag.get("Value", ""))
        if not 1 <= len(key) <= 128 or not _TEXT.fullmatch(key) or key.lower().startswith("aws:"):
            raise fault("InvalidTagging", f"A tag key has 1 to 128 letters, digits and _.:/=+-@ and no aws: : {key}")
        if len(value) > 256 or not _TEXT.fullmatch(value):
            raise fault("InvalidTagging", f"A tag value has at most 256 letters, digits and _.:/=+-@ : {value}")
        if key in found:
            raise fault("InvalidTagging", f"The tag key is there twice: {key}")
        found[key] = value
    tags = {**(old or {}), **found}
    if len(tags) > MOST_TAGS:
        raise fault("InvalidTagging", f"A resource has at most {MOST_TAGS} tags.")
    return tags
