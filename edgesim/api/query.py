"""The protocol of STS, query: a form names the action and its values, the answer is XML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import OperationModel

from edgesim.api import values, xml_shapes
from edgesim.api.faults import fault
from edgesim.api.messages import Asked, Findings, Request, Response
from edgesim.api.model import service
from edgesim.api.rest_xml import error_document
from edgesim.api.validation import item_path, member_path, violation
from edgesim.api.xml_tree import document, element
from edgesim.errors import ControlError

_MOST_FIELDS = 1_000
_ALWAYS = frozenset({"Action", "Version"})


class Query:
    """Reads and writes the query protocol for one service."""

    invalid = "ValidationError"
    refuses_unknown = False

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, request: Request) -> Asked:
        """The operation and its values. Raises ControlError for an unknown action and for what is no form."""
        form = fields(request.body)
        model, action = service(self.name), form.get("Action", "")
        if action not in model.operation_names:
            code = "InvalidAction" if action else "MissingAction"
            raise fault(code, f"There is no action {action[:100]!r}." if action else "")
        operation, findings, used = model.operation_model(action), Findings(), set(_ALWAYS)
        params = dict[str, Any]()
        if operation.input_shape is not None:
            params = _structure(operation.input_shape, form, "", "", (used, findings))
        unknown = [name for name in form if name not in used]
        findings.unknown.extend(f"there is no parameter {name[:100]}" for name in unknown)
        return Asked(operation, params, findings)

    def answer(self, model: OperationModel, result: Mapping[str, Any], id: str) -> Response:
        """The response to an operation that went well."""
        shape: Any = model.output_shape
        inner = ""
        if shape is not None:
            wrapper = shape.serialization.get("resultWrapper", f"{model.name}Result")
            inner = element(wrapper, xml_shapes.members(shape, result, shape.members))
        inner += element("ResponseMetadata", element("RequestId", id))
        body = document(element(f"{model.name}Response", inner, self._namespace))
        return Response(200, {"x-amzn-RequestId": id, "Content-Type": "text/xml"}, body)

    def refuse(self, error: ControlError, id: str) -> Response:
        """The response to an operation that was refused."""
        return error_document(error, id, self._namespace)

    @property
    def _namespace(self) -> str:
        return str(service(self.name).metadata.get("xmlNamespace", ""))


def fields(body: bytes) -> dict[str, str]:
    """The fields of a form, empty ones too. Raises ControlError."""
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise fault("MalformedQueryString") from None
    return dict(pairs)


_Notes = tuple[set[str], Findings]


def _decode(shape: Any, form: Mapping[str, str], key: str, path: str, notes: _Notes) -> Any:
    if shape.type_name == "structure":
        return _structure(shape, form, key, path, notes)
    if shape.type_name == "list":
        return _list(shape, form, key, path, notes)
    notes[0].add(key)
    try:
        return values.read(shape, form[key])
    except ValueError as error:
        notes[1].violations.append(violation(shape, form[key], path, str(error)))
        return None


def _structure(shape: Any, form: Mapping[str, str], key: str, path: str, notes: _Notes) -> dict[str, Any]:
    found = dict[str, Any]()
    for name, member in shape.members.items():
        inner = member.serialization.get("name", name)
        inner = f"{key}.{inner}" if key else inner
        if _is_there(form, inner):
            found[name] = _decode(member, form, inner, member_path(path, name), notes)
    return found


def _list(shape: Any, form: Mapping[str, str], key: str, path: str, notes: _Notes) -> list[Any]:
    notes[0].add(key)  # an empty list is an empty field
    item, found = shape.member.serialization.get("name", "member"), list[Any]()
    while _is_there(form, inner := f"{key}.{item}.{len(found) + 1}"):
        found.append(_decode(shape.member, form, inner, item_path(path, len(found) + 1), notes))
    return found


def _is_there(form: Mapping[str, str], key: str) -> bool:
    return key in form or any(name.startswith(f"{key}.") for name in form)
