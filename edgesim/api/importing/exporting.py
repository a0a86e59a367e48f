"""Distributions as other tools take them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from edgesim.api.account import Account
from edgesim.api.faults import fault
from edgesim.errors import ControlError
from edgesim.world.documented import FAMILIES
from edgesim.world.documents import parse_document
from edgesim.world.state import World

BUCKET = "edgesim-logs.s3.amazonaws.com"
"""Stands for the access log of a world file's distribution, which is in no bucket; the API wants one."""

HEAD = """\
# A world as it was when it was exported. Put it beside the file it came from: {source}
# The section `cloudfront` has what was made through the API.
"""


def as_cli(account: Account, id: str) -> dict[str, Any]:
    """A DistributionConfig as `aws cloudfront create-distribution --distribution-config` takes it."""
    record = account.find("distribution", id)
    if record is None:
        raise fault("NoSuchDistribution")
    config = copy.deepcopy(dict(record.config))
    origins: Any = config["Origins"]
    for origin in origins["Items"]:
        custom = origin.get("CustomOriginConfig") or {}
        for member, usual in (("HTTPPort", 80), ("HTTPSPort", 443)):
            if custom.get(member) == 0:  # the toy site without HTTPS has no such port; the API wants one
                custom[member] = usual
    logging: Any = config.get("Logging") or {}
    if logging.get("Enabled") and not logging.get("Bucket"):
        logging["Bucket"] = BUCKET
    return config


def as_world(world: World) -> str:
    """A world file (YAML) that begins where this world's documents are.

    Imported certificates are not in it: their keys are not in the World. Raises ControlError for a text that a world
    file cannot hold.
    """
    document: dict[str, Any] = copy.deepcopy(dict(world.document))
    section = {key: _listed(world, family) for key, family in FAMILIES.items()}
    document["cloudfront"] = {key: found for key, found in section.items() if found}
    dumped = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
    text = HEAD.format(source=Path(world.source).name) + dumped.replace("${", "$${")
    if parse_document(text, {}, "export").data != document:
        raise ControlError("InvalidArgument", "a text of this world has $${ in it, which a world file cannot hold", 409)
    return text


class _Dumper(yaml.SafeDumper):
    """Without anchors: each document is complete by itself."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _listed(world: World, family: str) -> list[dict[str, Any]]:
    found = []
    for record in world.records.get(family, {}).values():
        if family == "certificate" and record.facts.get("type") == "IMPORTED":
            continue
        one = {"id": record.id, "config": record.config, "facts": record.facts, "tags": record.tags}
        found.append({key: value for key, value in one.items() if value or key == "config"})
    return found
