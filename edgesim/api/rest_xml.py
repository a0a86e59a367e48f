"""The protocol of CloudFront, rest-xml: operations are methods and paths, documents XML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote

from botocore.model import OperationModel, Shape

from edgesim.api import values, xml_shapes
from edgesim.api.faults import fault
from edgesim.api.messages import Asked, Findings, Request, Response
from edgesim.api.model import service
from edgesim.api.routing import find
from edgesim.api.validation import member_path, violation
from edgesim.api.xml_tree import document, element, malformed, parse, text
from edgesim.errors import ControlError

NAMESPACE = "http://cloudfront.amazonaws.com/doc/2020-05-31/"
"""Of every document of CloudFront's."""


class RestXml:
    """Reads and writes rest-xml for one service."""

    invalid = "MalformedXML"
    refuses_unknown = True

    def __init__(self, name: str, namespace: str = NAMESPACE) -> None:
        self.name = name
        self.namespace = namespace

    def read(self, request: Request) -> Asked:
        """The operation and its values. Raises ControlError for an unknown path and for what is no document."""
        query = query_of(request.query)
        operation, labels = find(self.name, request, query)
        model = service(self.name).operation_model(operation)
        findings, params = Findings(), dict[str, Any]()
        shape: Any = model.input_shape
        if shape is not None:
            texts = {"uri": labels, "querystring": dict(reversed(query)), "header": request.headers}
            for name, member in shape.members.items():
                if (location := member.serialization.get("location")) is not None:
                    outside(params, name, member, texts[location], findings)
            self._body(shape, request, params, findings)
        return Asked(model, params, findings)

    def _body(self, shape: Any, request: Request, params: dict[str, Any], findings: Findings) -> None:
        payload = shape.serialization.get("payload")
        inside = _in_body(shape).members
        if not inside:
            return
        if not request.body.strip():
            if any(name in shape.required_members for name in inside):
                raise fault("MissingBody", of=self.name)
            return
        if payload is not None:
            member = shape.members[payload]
            root = self._root(request.body, member.serialization.get("name", member.name), findings)
            params[payload] = xml_shapes.decode(member, root, member_path("", payload), findings)
            return
        root = self._root(request.body, shape.serialization.get("name", shape.name), findings)
        params.update(xml_shapes.decode(_in_body(shape), root, "", findings))

    def _root(self, body: bytes, name: str, findings: Findings) -> Any:
        root = parse(body)
        if root.name != name:
            raise malformed(f"its root element is {root.name[:100]}, expected {name}")
        if root.namespace and root.namespace != self.namespace:
            raise malformed(f"its namespace is {root.namespace[:100]}, expected {self.namespace}")
        if not root.namespace:
            findings.unknown.append(f"the root element has no namespace, expected {self.namespace}")
        return root

    def answer(self, model: OperationModel, result: Mapping[str, Any], id: str) -> Response:
        """The response to an operation that went well."""
        status = int(model.http.get("responseCode", 200))
        shape: Any = model.output_shape
        headers = {"x-amzn-RequestId": id}
        if shape is None:
            return Response(status, headers)
        for name, member in shape.members.items():
            if member.serialization.get("location") == "header" and result.get(name) is not None:
                headers[member.serialization.get("name", name)] = in_header(values.write(member, result[name]))
        body = self._document(shape, result)
        payload = shape.members.get(shape.serialization.get("payload"))
        if body and not (payload is not None and payload.type_name == "blob"):
            headers["Content-Type"] = "text/xml"
        return Response(status, headers, body)

    def _document(self, shape: Any, result: Mapping[str, Any]) -> bytes:
        payload = shape.serialization.get("payload")
        if payload is not None:
            member, value = shape.members[payload], result.get(payload)
            if value is None or member.type_name == "blob":
                return value or b""
            name = member.serialization.get("name", member.name)
            return document(xml_shapes.encode(member, value, name, self.namespace))
        inside = _in_body(shape).members
        if not inside:
            return b""
        name = shape.serialization.get("name", shape.name)
        return document(element(name, xml_shapes.members(shape, result, inside), self.namespace))

    def refuse(self, error: ControlError, id: str) -> Response:
        """The response to an operation that was refused."""
        return error_document(error, id, self.namespace)


def error_document(error: ControlError, id: str, namespace: str) -> Response:
    """An error in XML, as the rest-xml and query protocols have it."""
    whose = "Sender" if error.status < 500 else "Receiver"
    parts = (("Type", whose), ("Code", error.code), ("Message", error.message))
    inner = "".join(element(name, text(value)) for name, value in parts)
    body = element("ErrorResponse", element("Error", inner) + element("RequestId", id), namespace)
    return Response(error.status, {"x-amzn-RequestId": id, "Content-Type": "text/xml"}, document(body))


@dataclass(frozen=True, eq=False)
class _Part:
    """Those members of a structure that are in the body."""

    members: Mapping[str, Any]
    required_members: list[str]
    type_name = "structure"


@cache
def _in_body(shape: Any) -> _Part:
    members = {name: member for name, member in shape.members.items() if "location" not in member.serialization}
    return _Part(members, shape.required_members)


def query_of(raw: str) -> list[tuple[str, str]]:
    """Names and values of a raw query. Raises ControlError (InvalidArgument)."""
    try:
        return parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise fault("InvalidArgument", "The query string cannot be read.") from None


def outside(params: dict[str, Any], name: str, member: Shape, texts: Mapping[str, str], findings: Findings) -> None:
    """A value from the path, the query or a header; an empty one is not there."""
    key = member.serialization.get("name", name)
    found = texts.get(key.lower() if member.serialization["location"] == "header" else key)
    if not found:
        return
    try:
        params[name] = values.read(member, found)
    except ValueError as error:
        findings.violations.append(violation(member, found, member_path("", name), str(error)))
        params[name] = None


def in_header(value: str) -> str:
    """A text that a header can hold: other characters percent-encoded."""
    return quote(value, safe="!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~ ")
