"""Where the origins of distributions that came through the API are on this machine."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from edgesim.control.desk import Desk
from edgesim.control.route import Answer, Call, Route
from edgesim.errors import ControlError
from edgesim.tls.names import CertificateError, canonical
from edgesim.world.cloudfront.origins import way_to
from edgesim.world.cloudfront.reading import items
from edgesim.world.commands import DropRecord, PutRecord
from edgesim.world.deriving import addresses
from edgesim.world.origins import check_origin_url
from edgesim.world.refusals import invalid, unknown

FAMILY = "origin-address"


class OriginAddress(BaseModel):
    """Where an origin is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: Annotated[str, Field(max_length=2_000), AfterValidator(check_origin_url)] = Field(
        description="Scheme, host and port of a server: http://127.0.0.1:3000. An https URL is spoken to with TLS."
    )


async def list_origins(call: Call) -> Any:
    world = call.desk.world
    known = addresses(world)
    found: dict[str, str] = {}
    for record in world.records.get("distribution", {}).values():
        for one in items(record.config, "Origins") if record.id in world.distributions else ():
            found[one["DomainName"].lower()] = way_to(one, known).address
    given = known.given
    names = dict.fromkeys([*given, *found])
    return {
        "origins": [
            {"domain": name, "url": given.get(name), "address": found.get(name, ""), "used": name in found}
            for name in names
        ]
    }


async def put_origin(call: Call) -> Any:
    desk, domain = call.desk, _domain(call)
    try:
        canonical(domain)
    except CertificateError:
        raise invalid(f"{domain[:80]!r} is no domain name of an origin") from None
    old = desk.world.records.get(FAMILY, {}).get(domain)
    url = call.of(OriginAddress).url
    version = old.version if old is not None else 0
    desk.apply(PutRecord(family=FAMILY, id=domain, config={"url": url}, at=desk.now, expect=version))
    return Answer(200 if old is not None else 201, _facts(desk, domain))


async def drop_origin(call: Call) -> Any:
    desk, domain = call.desk, _domain(call)
    known = desk.world.records.get(FAMILY, {})
    if domain not in known and domain in desk.world.file.origin_addresses:
        raise ControlError("AccessDenied", f"the address of {domain} is in the world file and changes only there", 403)
    if domain not in known:
        raise unknown("NoSuchOrigin", "address for", domain, known)
    desk.apply(DropRecord(family=FAMILY, id=domain, at=desk.now, expect=known[domain].version))
    return {"dropped": [domain]}


def _domain(call: Call) -> str:
    return call.path["domain"].lower().removesuffix(".")


def _facts(desk: Desk, domain: str) -> dict[str, Any]:
    return {"domain": domain, "url": desk.world.records[FAMILY][domain].config["url"]}


_NAMES = {"domain": "The DomainName of an origin."}

ROUTES = (
    Route(
        "GET",
        "/origins",
        list_origins,
        "Where the origins of the API's distributions are on this machine",
        "origins: domain, url (null: none given), address (empty: none found, never called), used.",
    ),
    Route(
        "PUT",
        "/origins/{domain}",
        put_origin,
        "Give an origin an address on this machine",
        "domain, url.",
        body=OriginAddress,
        example={"url": "http://127.0.0.1:3000"},
        statuses=(200, 201),
        names=_NAMES,
    ),
    Route(
        "DELETE",
        "/origins/{domain}",
        drop_origin,
        "Take an address that was given away again; one of the world file's stays",
        "dropped: the domain.",
        names=_NAMES,
    ),
)
