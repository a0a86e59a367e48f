"""Origins and origin groups: from a distribution's document to the core's values (spec §6)."""

from __future__ import annotations

from edgesim.core.behaviors import Origin, OriginGroup, OriginProtocol
from edgesim.world.cloudfront.addresses import Addresses, Way, region_of
from edgesim.world.cloudfront.keys import Records, origin_access
from edgesim.world.cloudfront.reading import Doc, items, part

HTTP, HTTPS = 80, 443
MODERN = ("TLSv1.2", "TLSv1.3")


def settings_of(config: Doc) -> Doc:
    """The part that says what kind of origin it is: custom, VPC or S3."""
    found: Doc = config.get("CustomOriginConfig") or config.get("VpcOriginConfig") or config.get("S3OriginConfig") or {}
    return found


def way_to(config: Doc, addresses: Addresses) -> Way:
    """How one of the Origins of a DistributionConfig is reached on this machine."""
    settings = settings_of(config)
    return addresses.find(config["DomainName"], (settings.get("HTTPPort", HTTP), settings.get("HTTPSPort", HTTPS)))


def origin(config: Doc, addresses: Addresses, records: Records) -> Origin:
    """One of the Origins of a DistributionConfig, defaults filled in.

    Raises ControlError when its origin access control does not exist.
    """
    domain = config["DomainName"]
    custom = config.get("CustomOriginConfig")
    settings, way = settings_of(config), way_to(config, addresses)
    # S3 is spoken to as the viewer speaks (spec §6.1).
    protocol = OriginProtocol(custom["OriginProtocolPolicy"]) if custom else OriginProtocol.MATCH_VIEWER
    shield = part(config, "OriginShield")
    completion = config.get("ResponseCompletionTimeout")
    return Origin(
        config["Id"],
        domain,
        address=way.address,
        http_port=settings.get("HTTPPort", HTTP) if way.http_port is None else way.http_port,
        https_port=settings.get("HTTPSPort", HTTPS) if way.https_port is None else way.https_port,
        protocol=way.protocol or protocol,
        path=config.get("OriginPath", ""),
        headers=tuple((one["HeaderName"], one["HeaderValue"]) for one in items(config, "CustomHeaders")),
        place=way.place,
        shield_region=shield.get("OriginShieldRegion") if shield.get("Enabled") else None,
        ssl_protocols=_ssl_protocols(settings),
        verify=way.verify,
        connection_attempts=config.get("ConnectionAttempts", 3),
        connection_timeout=float(config.get("ConnectionTimeout", 10)),
        response_timeout=float(settings.get("OriginReadTimeout", 30)),
        completion_timeout=float(completion) if completion else None,
        keepalive_timeout=float(settings.get("OriginKeepaliveTimeout", 5)),
        simulated_clock=way.simulated_clock,
        access=origin_access(config, records, region_of(domain)),
    )


def _ssl_protocols(settings: Doc) -> tuple[str, ...]:
    """TLS 1.3 goes with TLS 1.2, as at CloudFront since 2025 (spec §6.2)."""
    listed = tuple(items(settings, "OriginSslProtocols"))
    if not listed:
        return MODERN
    return (*listed, "TLSv1.3") if "TLSv1.2" in listed and "TLSv1.3" not in listed else listed


def origin_group(config: Doc) -> OriginGroup:
    """One of the OriginGroups."""
    primary, secondary = (member["OriginId"] for member in items(config, "Members"))
    statuses = frozenset(int(code) for code in items(part(config, "FailoverCriteria"), "StatusCodes"))
    return OriginGroup(config["Id"], primary, secondary, statuses)
