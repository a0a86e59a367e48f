"""Distributions that come from elsewhere, go elsewhere, or are looked over by the linter."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from importlib import import_module
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from edgesim.control.aws import account_of
from edgesim.control.route import Answer, Call, Param, Route
from edgesim.errors import ControlError


class DocumentText(BaseModel):
    """One document."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(default="", max_length=1_000, description="Its file, for messages.")
    text: str = Field(description="What the AWS CLI prints, a CloudFormation template, or terraform show -json.")


class ImportRequest(BaseModel):
    """What to bring into the running world."""

    model_config = ConfigDict(extra="forbid", strict=True)

    documents: list[DocumentText] = Field(default=[], max_length=100, description="Documents that belong together.")
    parameters: dict[str, str] = Field(default={}, description="Parameters of a CloudFormation template.")
    origins: dict[str, str] = Field(default={}, description="URLs on this machine by origin id or domain name.")
    name: str = Field(default="", max_length=128, description="The stack's name, and the Name tag of a distribution.")


async def import_documents(call: Call) -> Any:
    """Read the documents, and make what they ask for: all of it or nothing."""
    asked = call.of(ImportRequest)
    if not asked.documents and not asked.origins:
        raise ControlError("InvalidArgument", "nothing to import: no documents and no origins", 400)
    await asyncio.to_thread(_load)
    return Answer(201, _carried(call, asked))


def _load() -> None:
    """Service models take a moment: in a thread."""
    from edgesim.api.model import service

    import_module("edgesim.api.families")
    for name in ("cloudfront", "acm"):
        service(name)


def _carried(call: Call, asked: ImportRequest) -> dict[str, Any]:
    from edgesim.api.importing.carrying import carry_out
    from edgesim.api.importing.plan import Unreadable
    from edgesim.api.importing.reading import joined, read

    plans = []
    for document in asked.documents:
        try:
            plans.append(read(document.text, asked.parameters, asked.name))
        except Unreadable as error:
            raise Unreadable(f"{document.name}: {error}" if document.name else str(error)) from None
    report = carry_out(account_of(call.desk, lenient=True), joined(plans), asked.origins, asked.name)
    return asdict(report)


async def export(call: Call) -> Any:
    """A distribution as the AWS CLI takes it, or the world as a file."""
    from edgesim.api.importing.exporting import as_cli, as_world

    if call.query["format"] not in ("json", "yaml"):
        raise ControlError(
            "InvalidArgument", f"format: found {call.query['format'][:40]!r}; expected json or yaml", 400
        )
    if call.query["format"] == "yaml":
        if call.query["id"] is not None:
            raise ControlError("InvalidArgument", "a world file has all distributions; leave the id out", 400)
        return web.Response(text=as_world(call.desk.world), content_type="application/yaml")
    account = account_of(call.desk)
    id = call.desk.distribution(call.query["id"])
    text = json.dumps(as_cli(account, id), indent=2) + "\n"
    return web.Response(text=text, content_type="application/json")


async def lint(call: Call) -> Any:
    """What the rules say of the distributions that run."""
    from edgesim.world.linting.looking import look, running

    id = None if call.query["id"] is None else call.desk.distribution(call.query["id"])
    return {"findings": [asdict(one) for one in look(running(call.desk.world, id))]}


_ID = "A distribution by id, name, domain or alias"

ROUTES = (
    Route(
        "POST",
        "/import",
        import_documents,
        "Bring distributions from the AWS CLI, CloudFormation or Terraform here, all or nothing",
        "distributions: id, domain, aliases; made: name, family, id; notes: path and why of what is not as written; "
        "unmapped: origins without an address on this machine, each with the command that gives it one.",
        body=ImportRequest,
        example={"documents": [{"text": '{"DistributionConfig": ...}'}], "origins": {"app": "http://127.0.0.1:3000"}},
        statuses=(201,),
    ),
    Route(
        "GET",
        "/export",
        export,
        "A distribution's configuration as the AWS CLI takes it, or the whole world as a file",
        "A DistributionConfig of the CloudFront API; with format=yaml a world file.",
        params=(
            Param("id", "string", _ID + "; may be left out when there is only one."),
            Param("format", "string", "json, or yaml for a world file.", "json"),
        ),
    ),
    Route(
        "GET",
        "/lint",
        lint,
        "Contradictory and costly settings of the distributions that run",
        "findings: rule, severity (error, warning, info), path, message, advice.",
        params=(Param("id", "string", _ID + "; all unless given."),),
    ),
)
