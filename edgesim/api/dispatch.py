"""From a request to a response: which service, which operation, are its values valid, what does it answer."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.model import OperationModel

from edgesim.api import authorization, families
from edgesim.api.account import Account
from edgesim.api.call import Call, Handler
from edgesim.api.faults import fault
from edgesim.api.json_rpc import JsonRpc
from edgesim.api.messages import Asked, Request, Response
from edgesim.api.model import service
from edgesim.api.query import Query, fields
from edgesim.api.rest_json import RestJson
from edgesim.api.rest_xml import RestXml
from edgesim.api.routing import routes
from edgesim.api.validation import check, miscounted, summary
from edgesim.errors import ControlError

log = logging.getLogger("edgesim.api")

PATH_PREFIX = "/2020-05-31/"
"""Of everything CloudFront answers."""

STORES = "cloudfront-keyvaluestore"
STORES_PREFIX = "/key-value-stores/"
"""Of everything about the contents of key value stores."""

HOME = "us-east-1"
"""The region of requests that name none."""

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]", re.ASCII)

WARNING = "x-edgesim-warning"
"""Response header: what was wrong with a request that was taken all the same."""


class Wire(Protocol):
    """A protocol."""

    invalid: str
    """The code for values that break constraints."""
    refuses_unknown: bool
    """Whether parts the model has not are an error (else a warning)."""

    def read(self, request: Request) -> Asked: ...

    def answer(self, model: OperationModel, result: Mapping[str, Any], id: str) -> Response: ...

    def refuse(self, error: ControlError, id: str) -> Response: ...


@dataclass(frozen=True, slots=True)
class Service:
    """A service on the port: its name in botocore, its protocol, what it does."""

    name: str
    title: str
    wire: Wire
    handlers: Mapping[str, Handler]
    signature_errors: tuple[str, str] = ("IncompleteSignature", "SignatureDoesNotMatch")
    prefix: str = ""
    """Of all its paths; empty where everything is POST ``/``."""

    @property
    def scope(self) -> str:
        """Its name in signatures."""
        return str(service(self.name).signing_name)


def services() -> tuple[Service, ...]:
    """All services, CloudFront first."""
    in_json = ("IncompleteSignatureException", "InvalidSignatureException")
    return (
        Service("cloudfront", "CloudFront", RestXml("cloudfront"), families.CLOUDFRONT, prefix=PATH_PREFIX),
        Service("acm", "ACM", JsonRpc("acm"), families.ACM, in_json),
        Service("sts", "STS", Query("sts"), families.STS),
        Service(STORES, "CloudFront KeyValueStore", RestJson(STORES), families.STORES, in_json, STORES_PREFIX),
    )


class Dispatcher:
    """Answers requests for one account."""

    def __init__(self, account: Account, known: tuple[Service, ...] | None = None) -> None:
        self.account = account
        self.services = known or services()

    def load(self) -> None:
        """Load the service models, which takes a moment, so that the first answer need not."""
        for known in self.services:
            service(known.name)
        routes("cloudfront")

    def answer(self, request: Request) -> Response:
        """The response to a request; never raises."""
        id, chosen = str(uuid.uuid4()), self.services[0]
        try:
            chosen = self._choose(request)
            region = self._check_signature(request, chosen)
            return self._carry_out(request, chosen, region, id)
        except ControlError as error:
            return chosen.wire.refuse(error, id)
        except Exception:
            log.exception("a %s request failed, request id %s", chosen.title, id)
            return chosen.wire.refuse(fault("InternalFailure"), id)

    def refuse(self, request: Request, error: ControlError) -> Response:
        """The response to a request that is refused before anybody reads it."""
        try:
            chosen = self._choose(request)
        except ControlError:
            chosen = self.services[0]
        return chosen.wire.refuse(error, str(uuid.uuid4()))

    def _choose(self, request: Request) -> Service:
        """By path, target or action; at ``/`` what the signature is for decides first."""
        for known in self.services:
            if known.prefix and request.path.startswith(known.prefix):
                return known
        try:
            scope = authorization.scope(request)
        except authorization.Unsigned:
            scope = None
        for known in self.services:
            if scope is not None and scope.service == known.scope:
                return known
        if target := request.headers.get("x-amz-target"):
            prefix = target.rpartition(".")[0]
            for known in self.services:
                if service(known.name).metadata.get("targetPrefix") == prefix:
                    return known
            raise fault("UnknownOperationException", f"edgesim does not emulate {target[:100]}.")
        action = fields(request.body).get("Action")
        for known in self.services:
            if isinstance(known.wire, Query) and action in service(known.name).operation_names:
                return known
        raise fault("InvalidAction" if action else "MissingAction")

    def _check_signature(self, request: Request, chosen: Service) -> str:
        """The region it is signed for."""
        incomplete, wrong = chosen.signature_errors
        try:
            scope = authorization.scope(request)
        except authorization.Unsigned as error:
            raise fault(incomplete if error.incomplete else wrong, error.message) from None
        if scope is not None and scope.service != chosen.scope:
            raise fault(wrong, f"Credential should be scoped to correct service: '{chosen.scope}'.")
        region = scope.region if scope is not None else ""
        return region if _REGION.fullmatch(region) else HOME

    def _carry_out(self, request: Request, chosen: Service, region: str, id: str) -> Response:
        asked = chosen.wire.read(request)
        handler = chosen.handlers.get(asked.operation.name)
        if handler is None:
            raise fault("NotImplemented", f"edgesim does not emulate {chosen.title}'s {asked.operation.name}.")
        warnings = self._check(asked, chosen)
        result = handler(Call(asked.operation.name, asked.params, self.account, region))
        response = chosen.wire.answer(asked.operation, result, id)
        if not warnings:
            return response
        log.warning("%s: %s", asked.operation.name, "; ".join(warnings))
        told = "; ".join(warnings).encode("ascii", "replace").decode()
        return Response(response.status, {**response.headers, WARNING: told[:2000]}, response.body)

    def _check(self, asked: Asked, chosen: Service) -> list[str]:
        """Refuse what is not valid; gives what was taken with a warning."""
        findings, shape, lenient = asked.findings, asked.operation.input_shape, self.account.lenient
        if findings.unknown and chosen.wire.refuses_unknown and not lenient:
            raise fault(chosen.wire.invalid, f"The request is malformed: {'; '.join(findings.unknown[:10])}")
        warnings = [f"ignored: {words}" for words in findings.unknown]
        if shape is None:
            return warnings
        if _lacks_version(asked):
            raise fault("InvalidIfMatchVersion")
        miscounts = list(miscounted(shape, asked.params, repair=lenient))
        if violations := [*findings.violations, *check(shape, asked.params)]:
            raise fault(chosen.wire.invalid, summary(violations))
        if miscounts and not lenient:
            words = fault("InconsistentQuantities").message
            raise fault("InconsistentQuantities", f"{words} {'; '.join(miscounts)}")
        return warnings + [f"repaired: {words}" for words in miscounts]


def _lacks_version(asked: Asked) -> bool:
    """Whether a required If-Match is missing, in an operation that has an error of its own for that."""
    shape = asked.operation.input_shape
    return (
        shape is not None
        and "IfMatch" in shape.required_members
        and "IfMatch" not in asked.params
        and any(error.name == "InvalidIfMatchVersion" for error in asked.operation.error_shapes)
    )
