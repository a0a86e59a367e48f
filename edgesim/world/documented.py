"""The section of a world file that holds documents of the API as they are: what ``edgesim export`` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field, JsonValue, WithJsonSchema

from edgesim.world.fields import Model

Anything = Annotated[JsonValue, WithJsonSchema({})]
"""Any JSON value; the service model says what it may be."""


class ApiDocument(Model):
    """A document of the CloudFront or ACM API, in the service model's member names."""

    id: str = Field(min_length=1, description="Its id; a certificate's ARN, a function's name.")
    config: dict[str, Anything] = Field(description="The document, as `get-...-config` of the AWS CLI prints it.")
    facts: dict[str, Anything] = Field(default={}, description="What goes with it: `domain`, `arn` and the like.")
    tags: dict[str, str] = Field(default={}, description="Its tags.")


Documents = tuple[ApiDocument, ...]


class CloudFrontSection(Model):
    """Documents of the API that are there when the world begins. The API may change and delete them."""

    certificates: Documents = Field(default=(), description="Certificates that edgesim issues.")
    public_keys: Documents = Field(default=(), description="Public keys.")
    key_groups: Documents = Field(default=(), description="Key groups.")
    origin_access_controls: Documents = Field(default=(), description="Origin access controls.")
    origin_access_identities: Documents = Field(default=(), description="Origin access identities.")
    cache_policies: Documents = Field(default=(), description="Cache policies.")
    origin_request_policies: Documents = Field(default=(), description="Origin request policies.")
    response_headers_policies: Documents = Field(default=(), description="Response headers policies.")
    functions: Documents = Field(default=(), description="Functions.")
    key_value_stores: Documents = Field(default=(), description="Key value stores.")
    realtime_log_configs: Documents = Field(default=(), description="Real-time log configurations.")
    field_level_encryption_profiles: Documents = Field(default=(), description="Field-level encryption profiles.")
    field_level_encryptions: Documents = Field(default=(), description="Field-level encryption configurations.")
    continuous_deployment_policies: Documents = Field(default=(), description="Continuous deployment policies.")
    monitoring_subscriptions: Documents = Field(default=(), description="Monitoring subscriptions.")
    origin_addresses: Documents = Field(default=(), description="Addresses of origins: `{url: ...}` by domain name.")
    distributions: Documents = Field(default=(), description="Distributions.")


FAMILIES: Mapping[str, str] = {
    "certificates": "certificate",
    "public_keys": "public-key",
    "key_groups": "key-group",
    "origin_access_controls": "origin-access-control",
    "origin_access_identities": "origin-access-identity",
    "cache_policies": "cache-policy",
    "origin_request_policies": "origin-request-policy",
    "response_headers_policies": "response-headers-policy",
    "functions": "function",
    "key_value_stores": "key-value-store",
    "realtime_log_configs": "realtime-log-config",
    "field_level_encryption_profiles": "field-level-encryption-profile",
    "field_level_encryptions": "field-level-encryption",
    "continuous_deployment_policies": "continuous-deployment-policy",
    "monitoring_subscriptions": "monitoring-subscription",
    "origin_addresses": "origin-address",
    "distributions": "distribution",
}
"""The family of documents of each key."""


def documents(section: CloudFrontSection) -> Iterator[tuple[str, ApiDocument]]:
    """Every document with its family."""
    for key, family in FAMILIES.items():
        for one in getattr(section, key):
            yield family, one
