"""A valid document of each regular kind, by its name in the API."""

from __future__ import annotations

from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def pem(key: PublicKeyTypes) -> str:
    """A public key in PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@cache
def rsa_pem(bits: int = 2_048) -> str:
    """A new RSA key."""
    return pem(rsa.generate_private_key(65_537, bits).public_key())


@cache
def ec_pem(curve: str = "secp256r1") -> str:
    """A new ECDSA key."""
    curves: dict[str, ec.EllipticCurve] = {"secp256r1": ec.SECP256R1(), "secp384r1": ec.SECP384R1()}
    return pem(ec.generate_private_key(curves[curve]).public_key())


def cache_policy(name: str = "mine", **changes: Any) -> dict[str, Any]:
    """Keys on a header and a query parameter."""
    parameters = {
        "EnableAcceptEncodingGzip": True,
        "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": {"Quantity": 1, "Items": ["X-Tenant"]}},
        "CookiesConfig": {"CookieBehavior": "none"},
        "QueryStringsConfig": {
            "QueryStringBehavior": "whitelist",
            "QueryStrings": {"Quantity": 1, "Items": ["page"]},
        },
    }
    return {"Name": name, "MinTTL": 1, "ParametersInCacheKeyAndForwardedToOrigin": parameters, **changes}


def origin_request_policy(name: str = "mine", **changes: Any) -> dict[str, Any]:
    """Forwards the Referer."""
    return {
        "Name": name,
        "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": {"Quantity": 1, "Items": ["Referer"]}},
        "CookiesConfig": {"CookieBehavior": "all"},
        "QueryStringsConfig": {"QueryStringBehavior": "none"},
        **changes,
    }


def response_headers_policy(name: str = "mine", **changes: Any) -> dict[str, Any]:
    """CORS, a security header, a custom one, one removed, Server-Timing."""
    return {
        "Name": name,
        "CorsConfig": {
            "AccessControlAllowOrigins": {"Quantity": 1, "Items": ["https://*.example.org"]},
            "AccessControlAllowHeaders": {"Quantity": 1, "Items": ["*"]},
            "AccessControlAllowMethods": {"Quantity": 1, "Items": ["GET"]},
            "AccessControlAllowCredentials": False,
            "OriginOverride": True,
        },
        "SecurityHeadersConfig": {"FrameOptions": {"Override": True, "FrameOption": "DENY"}},
        "CustomHeadersConfig": {"Quantity": 1, "Items": [{"Header": "X-Shop", "Value": "", "Override": False}]},
        "RemoveHeadersConfig": {"Quantity": 1, "Items": [{"Header": "X-Powered-By"}]},
        "ServerTimingHeadersConfig": {"Enabled": True, "SamplingRate": 12.5},
        **changes,
    }


def origin_access_control(name: str = "mine", **changes: Any) -> dict[str, Any]:
    """Signs every request to S3."""
    return {
        "Name": name,
        "SigningProtocol": "sigv4",
        "SigningBehavior": "always",
        "OriginAccessControlOriginType": "s3",
        **changes,
    }


def origin_access_identity(name: str = "mine", **changes: Any) -> dict[str, Any]:
    """Its caller reference is its only name."""
    return {"CallerReference": name, "Comment": "", **changes}


def public_key(name: str = "mine", **changes: Any) -> dict[str, Any]:
    """An RSA key."""
    return {"CallerReference": name, "Name": name, "EncodedKey": rsa_pem(), **changes}
