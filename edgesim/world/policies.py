"""Cache, origin request and response headers policies as a world file writes them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import Field, GetJsonSchemaHandler, ValidationInfo, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from edgesim.core.policies import NOTHING, Ttls
from edgesim.world.fields import (
    TOKEN,
    ForwardedHeaders,
    KeyHeaders,
    LegacyNames,
    Model,
    Names,
    PercentOrOff,
    WholeSeconds,
    conflict,
    show,
)

SECURITY_HEADERS = (
    "Content-Security-Policy",
    "Referrer-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
)

_UNREMOVABLE = """
    connection content-encoding content-length expect host keep-alive proxy-* trailer transfer-encoding upgrade via
    warning x-accel-* x-amz-cf-* x-amzn-auth x-amzn-cf-billing x-amzn-cf-id x-amzn-cf-xff x-amzn-errortype
    x-amzn-fle-profile x-amzn-header-count x-amzn-header-order x-amzn-lambda-integration-tag x-amzn-requestid x-cache
    x-edge-* x-forwarded-proto x-real-ip
"""
UNREMOVABLE = tuple(_UNREMOVABLE.split())
"""Headers a response headers policy cannot remove (spec §3.8)."""

Method = Literal["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE", "ALL"]


_USUAL = Ttls()


class TtlEntry(Model):
    """How long answers live: between `min` and `max` when the origin says, `default` when it does not."""

    min: WholeSeconds = Field(
        default=0, description="At least this long; above 0 it also overrides no-store, no-cache and private."
    )
    default: WholeSeconds | None = Field(
        default=None,
        description="Without Cache-Control and Expires. One day, moved between `min` and `max`, unless set.",
    )
    max: WholeSeconds | None = Field(default=None, description="At most this long. One year, or `default`, unless set.")

    @property
    def ttls(self) -> Ttls:
        """The three, with CloudFront's defaults moved along where one is out of their range (spec §2.1)."""
        maximum = max(_USUAL.maximum, self.min, self.default or 0) if self.max is None else self.max
        default = min(max(_USUAL.default, self.min), maximum) if self.default is None else self.default
        return Ttls(self.min, default, maximum)

    @model_validator(mode="after")
    def _ordered(self, info: ValidationInfo) -> TtlEntry:
        ttls = self.ttls
        if not ttls.minimum <= ttls.default <= ttls.maximum:
            conflict(
                info,
                f"min {ttls.minimum} s, default {ttls.default} s, max {ttls.maximum} s",
                "min ≤ default ≤ max",
                "CloudFront refuses this as InvalidTTLOrder",
            )
        return self


class KeyEntry(Model):
    """What is in the cache key besides the path; all of it is forwarded to the origin too."""

    headers: KeyHeaders = Field(default=NOTHING, description="Header names, or none.")
    cookies: Names = Field(default=NOTHING, description="none, all, a list of names, or {all_except: [names]}.")
    query: Names = Field(default=NOTHING, description="none, all, a list of names, or {all_except: [names]}.")


class CachePolicyEntry(Model):
    """A cache policy of your own."""

    ttl: TtlEntry = Field(default=TtlEntry(), description="Minimum, default and maximum TTL.")
    key: KeyEntry = Field(default=KeyEntry(), description="What is in the cache key.")
    gzip: bool = Field(default=True, description="Normalise Accept-Encoding and cache gzip apart.")
    brotli: bool = Field(default=True, description="The same for Brotli.")


class ForwardEntry(Model):
    """What the origin gets beyond the cache key (an origin request policy)."""

    headers: ForwardedHeaders = Field(
        default=NOTHING,
        description="none, all_viewer, a list, {all_except: [names]} or {all_viewer_and: [CloudFront-...]}.",
    )
    cookies: Names = Field(default=NOTHING, description="none, all, a list of names, or {all_except: [names]}.")
    query: Names = Field(default=NOTHING, description="none, all, a list of names, or {all_except: [names]}.")

    @model_validator(mode="after")
    def _no_authorization(self, info: ValidationInfo) -> ForwardEntry:
        if "authorization" in (name.lower() for name in self.headers.names) and self.headers.take.value != "allExcept":
            conflict(
                info,
                '"Authorization"',
                "another header",
                "CloudFront forwards Authorization only as part of the cache key, or with all_viewer",
            )
        return self


class LegacyEntry(Model):
    """The older ForwardedValues settings, which decide key and forwarding together."""

    query: LegacyNames = Field(
        default=NOTHING,
        description="none, all, or a list: then all parameters are forwarded and the listed ones are the key.",
    )
    headers: LegacyNames = Field(default=NOTHING, description="none, a list, or all, which switches caching off.")
    cookies: LegacyNames = Field(default=NOTHING, description="none, all, or a list in which * and ? are wildcards.")


class HeaderValue(Model):
    """One header a response headers policy sets; the value alone will do."""

    value: str = Field(description="The header's value.")
    override: bool = Field(default=False, description="Replace the origin's own header of this name.")

    @model_validator(mode="before")
    @classmethod
    def _value_alone(cls, value: Any) -> Any:
        return {"value": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler(core)]}


class CorsEntry(Model):
    """The CORS headers of a response headers policy."""

    origins: tuple[str, ...] = Field(
        default=("*",), min_length=1, description="Origins that are allowed; * is a wildcard."
    )
    methods: tuple[Method, ...] = Field(default=(), description="Methods allowed in preflights, or ALL.")
    headers: tuple[str, ...] = Field(default=(), description="Request headers allowed in preflights.")
    expose: tuple[str, ...] = Field(default=(), description="Response headers scripts may read.")
    credentials: bool = Field(default=False, description="Allow credentials.")
    max_age: WholeSeconds | None = Field(default=None, description="How long a preflight may be remembered.")
    override: bool = Field(
        default=False, description="Replace the origin's CORS headers. Otherwise any of them keeps all of these out."
    )


FRAMING = frozenset({"connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade"})
"""Headers that frame a message or end at one connection; no policy may set them."""


class ResponseHeadersPolicyEntry(Model):
    """Headers changed on the way to the viewer."""

    cors: CorsEntry | None = Field(default=None, description="CORS headers, for requests with an Origin header.")
    security: dict[str, HeaderValue] = Field(default={}, description="Security headers by name.")
    custom: dict[str, HeaderValue] = Field(default={}, max_length=10, description="Other headers to add, by name.")
    remove: tuple[str, ...] = Field(default=(), description="Headers of the origin to remove.")
    server_timing: PercentOrOff = Field(
        default=None, ge=0, le=100, description="Percent of answers that carry Server-Timing, or false."
    )

    @model_validator(mode="after")
    def _names_fit(self, info: ValidationInfo) -> ResponseHeadersPolicyEntry:
        if wrong := [name for name in self.security if name not in SECURITY_HEADERS]:
            conflict(info, show(wrong[0]), f"one of {', '.join(SECURITY_HEADERS)}", "Other headers go under `custom`")
        for name in (*self.custom, *self.remove):
            if not TOKEN.fullmatch(name):
                conflict(info, show(name), "a header name")
        if wrong := [name for name in self.custom if name.lower() in FRAMING]:
            conflict(info, show(wrong[0]), "a header that is not the connection's own")
        for name in self.remove:
            if any(fnmatchcase(name.lower(), rule) for rule in UNREMOVABLE):
                conflict(info, show(name), "a header CloudFront lets you remove")
        return self
