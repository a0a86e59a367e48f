"""The protocol of ACM (and CloudWatch), awsJson: every request is POST /, ``X-Amz-Target`` names the operation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from botocore.model import OperationModel, Shape

from edgesim.api import values
from edgesim.api.faults import fault
from edgesim.api.messages import Asked, Findings, Request, Response
from edgesim.api.model import service
from edgesim.api.validation import item_path, member_path
from edgesim.errors import ControlError

DEEPEST = 60
"""Levels of members; some shapes hold themselves."""


class JsonRpc:
    """Reads and writes awsJson for one service."""

    invalid = "ValidationException"
    refuses_unknown = False

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def media(self) -> str:
        """``application/x-amz-json-1.1``."""
        return f"application/x-amz-json-{service(self.name).metadata.get('jsonVersion', '1.0')}"

    def read(self, request: Request) -> Asked:
        """The operation and its values. Raises ControlError for an unknown target and for what is no such JSON."""
        target = request.headers.get("x-amz-target", "").rpartition(".")[2]
        model = service(self.name)
        if target not in model.operation_names:
            known = fault("UnknownOperationException", f"There is no operation {target[:100]!r}.")
            raise ControlError(known.code, known.message, 400)
        operation, findings = model.operation_model(target), Findings()
        data = loaded(request.body)
        if operation.input_shape is None:
            return Asked(operation, {}, findings)
        return Asked(operation, decode(operation.input_shape, data, "", findings), findings)

    def answer(self, model: OperationModel, result: Mapping[str, Any], id: str) -> Response:
        """The response to an operation that went well."""
        headers = {"x-amzn-RequestId": id, "Content-Type": self.media}
        if model.output_shape is None:
            return Response(200, headers)
        return Response(200, headers, json.dumps(encode(model.output_shape, result)).encode())

    def refuse(self, error: ControlError, id: str) -> Response:
        """The response to an operation that was refused."""
        headers = {"x-amzn-RequestId": id, "Content-Type": self.media, "x-amzn-ErrorType": error.code}
        body = json.dumps({"__type": error.code, "message": error.message})
        return Response(error.status, headers, body.encode())


def loaded(body: bytes) -> Any:
    """The JSON of a body, an empty structure for an empty one. Raises ControlError (SerializationException)."""
    try:
        data = json.loads(body.decode("utf-8") or "{}", parse_constant=_no_constant)
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeError:
        raise fault("SerializationException", "The request is not Unicode text.") from None
    except (ValueError, RecursionError):
        raise fault("SerializationException") from None
    return data


def _no_constant(_: str) -> NoReturn:
    raise ValueError


def decode(shape: Any, data: Any, path: str, findings: Findings) -> Any:
    """The value that JSON stands for. Raises ControlError (SerializationException) where it is of another type."""
    match shape.type_name:
        case "structure":
            return _structure(shape, _typed(data, dict, path, "a structure"), path, findings)
        case "list":
            items = _typed(data, list, path, "a list")
            return [decode(shape.member, item, item_path(path, at), findings) for at, item in enumerate(items, 1)]
        case "map":
            entries = _typed(data, dict, path, "a map")
            return {key: decode(shape.value, item, member_path(path, key), findings) for key, item in entries.items()}
    return _single(shape, data, path)


def _structure(shape: Any, data: Mapping[str, Any], path: str, findings: Findings) -> dict[str, Any]:
    if path.count(".") > DEEPEST:
        raise fault("SerializationException", "The request is nested too deeply.")
    names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
    found = dict[str, Any]()
    for key, item in data.items():
        if (name := names.get(key)) is None:
            findings.unknown.append(f"there is no member {key[:100]} in {path or 'the request'}")
        elif item is not None:
            found[name] = decode(shape.members[name], item, member_path(path, name), findings)
    return found


def _single(shape: Shape, data: Any, path: str) -> Any:
    kind = shape.type_name
    try:
        match kind:
            case "string":
                return _typed(data, str, path, "a string")
            case "boolean":
                return _typed(data, bool, path, "a boolean")
            case "integer" | "long":
                return values.whole(kind, _typed(data, int, path, "an integer"))
            case "float" | "double":
                return values.finite(float(_typed(data, (int, float), path, "a number")))
            case "timestamp":
                return values.moment(str(_typed(data, (int, float, str), path, "a time")))
            case "blob":
                return values.blob(_typed(data, str, path, "base64"))
    except (ValueError, OverflowError):
        raise _wrong(path, f"{kind} out of its bounds") from None
    raise AssertionError(f"{kind} is no shape of JSON")


def _typed(data: Any, kinds: Any, path: str, expected: str) -> Any:
    if not isinstance(data, kinds) or (isinstance(data, bool) and kinds is not bool):
        raise _wrong(path, f"expected {expected}")
    return data


def _wrong(path: str, why: str) -> ControlError:
    return fault("SerializationException", f"The value at '{path or 'the request'}' cannot be read: {why}.")


def encode(shape: Any, value: Any) -> Any:
    """A value as JSON has it."""
    match shape.type_name:
        case "structure":
            return {
                member.serialization.get("name", name): encode(member, value[name])
                for name, member in shape.members.items()
                if value.get(name) is not None
            }
        case "list":
            return [encode(shape.member, item) for item in value]
        case "map":
            return {key: encode(shape.value, item) for key, item in value.items()}
        case "blob":
            return values.write(shape, value)
    return value
