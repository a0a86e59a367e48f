"""Service models, as botocore ships them: operations, shapes, errors."""

from __future__ import annotations

from functools import cache

from botocore.loaders import Loader
from botocore.model import ServiceModel


@cache
def service(name: str) -> ServiceModel:
    """The newest model of a service by botocore's name: ``cloudfront``, ``acm``, ``sts``."""
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)
