"""The origins, origin groups and the toy site of a world file."""

from __future__ import annotations

from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from edgesim.world.fields import TOKEN, Model, NameOrOff, Seconds, conflict, mistake, show

_FORBIDDEN = """
    cache-control connection content-length cookie host if-match if-modified-since if-none-match if-range
    if-unmodified-since max-forwards pragma proxy-authenticate proxy-authorization proxy-connection range request-range
    te trailer transfer-encoding upgrade via x-amz-* x-edge-* x-real-ip
"""
FORBIDDEN_HEADERS = tuple(_FORBIDDEN.split())
"""Names CloudFront refuses as origin custom headers (spec §6.9)."""

FAILOVER_STATUSES = (400, 403, 404, 416, 429, 500, 502, 503, 504)
"""What an origin group may fail over on (spec §6.5)."""

MOST_HEADERS = 30


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not TOKEN.fullmatch(name) or not (value.isprintable() and value.isascii()):
            raise mistake(show(f"{name}: {value}"), "a header name and a printable value")
        if refused := next((rule for rule in FORBIDDEN_HEADERS if fnmatchcase(name.lower(), rule)), None):
            raise mistake(show(name), "a header CloudFront lets you add", f"It refuses {refused} as an origin header")
    if len({name.lower() for name in headers}) < len(headers):
        raise mistake("a header twice", "each header once")
    if len(headers) > MOST_HEADERS:
        raise mistake(f"{len(headers)} headers", f"at most {MOST_HEADERS}")
    return headers


def _port(port: int) -> int:
    if port in (80, 443) or 1024 <= port <= 65_535:
        return port
    raise mistake(str(port), "80, 443 or a port from 1024 to 65535", "CloudFront reaches origins on no other port")


def _origin_path(path: str) -> str:
    if path and (not path.startswith("/") or path.endswith("/")):
        raise mistake(show(path), 'a path such as "/production": with a leading slash and without a trailing one')
    return path


def _site_path(path: str) -> str:
    if not path.startswith("/"):
        raise mistake(show(path), "the beginning of a path, as `/private/`")
    return path


def _origin_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine:
        raise mistake(show(url), 'a URL such as "http://127.0.0.1:3000"')
    if parts.username or parts.query or parts.fragment:
        raise mistake(show(url), "scheme, host, port and path only", "Put credentials into `headers`")
    return url


RESOLVE = "resolve"
"""The address of an origin whose name is looked up and called, wherever that leads."""


def check_origin_address(url: str) -> str:
    """``resolve``, or the URL of a server: scheme, host and port. Anything else is a mistake."""
    return url if url == RESOLVE else check_origin_url(url)


def check_origin_url(url: str) -> str:
    """The URL of a server: scheme, host and port. Anything else is a mistake."""
    _origin_url(url)
    if urlsplit(url).path.strip("/"):
        raise mistake(show(url), "scheme, host and port only", "The path is the origin's OriginPath")
    return url


OriginPort = Annotated[int, AfterValidator(_port)]


class AccessEntry(Model):
    """Origin access control: requests to this origin are signed with AWS Signature Version 4."""

    signing: Literal["always", "never", "no-override"] = Field(
        default="always",
        description="always: a signature replaces the viewer's Authorization. no-override: that one is kept if there "
        "is one and a policy forwards it.",
    )
    service: Literal["s3", "mediastore", "mediapackagev2", "lambda"] = Field(
        default="s3", description="What the signature is for. With lambda, viewers send the hash of a body themselves."
    )
    region: str = Field(
        default="us-east-1", pattern=r"^[a-z0-9-]{1,32}$", description="The AWS region in the signature."
    )


class OriginEntry(Model):
    """Where edgesim fetches: the toy site it starts itself, or the URL of a server of yours."""

    toy_site: bool = Field(default=False, description="Fetch from the toy site of the `site` section.")
    url: Annotated[str, AfterValidator(_origin_url)] | None = Field(
        default=None, description="A server of yours: `http://127.0.0.1:3000`. Its port and path are the origin's."
    )
    domain: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="The name asked for: it goes into Host and SNI and the certificate must carry it. "
        "By default the host of the URL, or the domain of the toy site.",
    )
    address: str | None = Field(
        default=None, min_length=1, description="The address really connected to; by default the host of the URL."
    )
    protocol: Literal["http-only", "https-only", "match-viewer"] | None = Field(
        default=None, description="Origin protocol policy. By default what the URL says, or http-only for the toy site."
    )
    http_port: OriginPort | None = Field(default=None, description="Port for HTTP: 80, 443 or 1024 to 65535.")
    https_port: OriginPort | None = Field(default=None, description="Port for HTTPS: 80, 443 or 1024 to 65535.")
    path: Annotated[str, AfterValidator(_origin_path)] = Field(
        default="", description="Put before every path asked for at the origin: `/production`."
    )
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(
        default={}, description="Headers added to every request to the origin; they replace the viewer's."
    )
    place: str | None = Field(
        default=None, description="Where the origin is: an AWS region, a city or `lat,lon`. By default us-east-1."
    )
    shield: NameOrOff = Field(default=None, description="The AWS region of Origin Shield, or false for none.")
    verify: bool = Field(default=True, description="Check the origin's certificate, as CloudFront always does.")
    ssl_protocols: tuple[Literal["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"], ...] = Field(
        default=("TLSv1.2", "TLSv1.3"), min_length=1, description="TLS versions spoken to the origin."
    )
    connection_attempts: int = Field(default=3, ge=1, le=3, description="How often to try to connect.")
    connection_timeout: Seconds = Field(default=10.0, ge=1, le=10, description="How long one try to connect may take.")
    response_timeout: Seconds = Field(
        default=30.0,
        ge=1,
        le=120,
        description="How long the origin may stay silent, before the first byte and between two.",
    )
    completion_timeout: Seconds | None = Field(
        default=None, description="How long the whole answer may take, with all attempts. No limit unless set."
    )
    keepalive_timeout: Seconds = Field(default=5.0, ge=1, le=120, description="How long an idle connection is kept.")
    access: AccessEntry | None = Field(
        default=None, description="Origin access control: sign the requests, as for a private bucket."
    )
    clock: Literal["real", "simulated"] = Field(
        default="real", description="Whose time the origin's Date, Expires and Last-Modified are in."
    )

    @property
    def parts(self) -> SplitResult:
        """The URL in parts; all empty for the toy site."""
        return urlsplit(self.url or "")

    @property
    def _https(self) -> bool:
        """Whether every request goes over TLS."""
        return self.protocol == "https-only" or (self.protocol is None and self.parts.scheme == "https")

    @model_validator(mode="after")
    def _one_source(self, info: ValidationInfo) -> OriginEntry:
        if self.toy_site == (self.url is not None):
            conflict(
                info,
                "both `toy_site` and `url`" if self.toy_site else "neither `toy_site: true` nor `url`",
                "exactly one of them",
            )
        if self.completion_timeout is not None and self.completion_timeout < self.response_timeout:
            conflict(
                info,
                f"completion_timeout {self.completion_timeout:g} s",
                f"at least response_timeout ({self.response_timeout:g} s)",
            )
        if self.access and self.access.signing == "always" and not self._https:
            conflict(
                info,
                "`access` that always signs, over HTTP",
                "protocol: https-only",
                "CloudFront signs every request only over HTTPS",
            )
        if self.path and self.parts.path.strip("/"):
            conflict(info, "a path in `url` and `path`", "one of them")
        return self


class OriginGroupEntry(Model):
    """Two origins: the second is asked when the first fails in one of the named ways."""

    primary: str = Field(description="The origin always tried first.")
    secondary: str = Field(description="The origin tried when the first one fails.")
    statuses: tuple[int, ...] = Field(
        default=(500, 502, 503, 504),
        min_length=1,
        description="What counts as failing, of 400, 403, 404, 416, 429, 500, 502, 503, 504. "
        "A failed connection counts as 503, a timeout as 504.",
    )

    @model_validator(mode="after")
    def _two_origins(self, info: ValidationInfo) -> OriginGroupEntry:
        if self.primary == self.secondary:
            conflict(info, f'"{self.primary}" twice', "two different origins")
        if wrong := [status for status in self.statuses if status not in FAILOVER_STATUSES]:
            conflict(info, str(wrong[0]), f"statuses of {', '.join(map(str, FAILOVER_STATUSES))}")
        return self


class SiteSection(Model):
    """The toy site: a small weblog behind a load balancer, which edgesim starts itself."""

    nodes: int = Field(default=2, ge=1, le=16, description="How many servers stand behind the load balancer.")
    place: str = Field(default="us-east-1", description="Where it is: an AWS region, a city or `lat,lon`.")
    domain: str = Field(default="origin.harbour.test", min_length=1, max_length=253, description="Its name.")
    sticky: bool = Field(default=False, description="A visitor stays on one node, by a cookie of the load balancer.")
    signed_only: Annotated[str, AfterValidator(_site_path)] | None = Field(
        default=None,
        description="Its paths that begin so answer 403 unless an edge has signed the request (an origin's `access`).",
    )
    https: bool = Field(
        default=True, description="It also speaks HTTPS, with a certificate of edgesim's own authority."
    )


def is_address(host: str) -> bool:
    """True for an IPv4 or IPv6 address, false for a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
