"""Random values of the service models' shapes, and botocore as the other end of the wire."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from typing import Any

from botocore.awsrequest import HeadersDict, prepare_request_dict
from botocore.model import OperationModel
from botocore.parsers import ResponseParserFactory
from botocore.serialize import create_serializer
from botocore.utils import parse_to_aware_datetime

from edgesim.api.messages import Request, Response
from edgesim.api.model import service

_TEXT = "abcXYZ019 <>&\"'/%+;=?#[]{}\t\n_-.*:@~\u00e9\u4e2d\U0001f600"
_ASCII = "abcXYZ019 <>&\"'/%+;=?#_-.*:@~"
_DEEPEST = 7


class Values:
    """Makes values: all required members, most of the optional ones; nothing that an empty element would stand for."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def of(self, shape: Any, depth: int = 0, *, ascii_only: bool = False) -> Any:
        match shape.type_name:
            case "structure":
                return self._structure(shape, depth)
            case "list":
                return [self.of(shape.member, depth + 1) for _ in range(self._random.randint(1, 3))]
            case "map":
                return {self._text(_ASCII): self.of(shape.value, depth + 1) for _ in range(2)}
            case "string":
                return self._random.choice(shape.enum) if shape.enum else self._text(_ASCII if ascii_only else _TEXT)
            case "integer" | "long":
                bits = 31 if shape.type_name == "integer" else 63
                return self._random.choice([0, 1, -1, 2**bits - 1, -(2**bits), self._random.randint(0, 9999)])
            case "float" | "double":
                return self._random.choice([0.0, 0.15, 100.0, self._random.random()])
            case "boolean":
                return self._random.random() < 0.5
            case "timestamp":
                return float(self._random.randint(0, 4_000_000_000))
            case "blob":
                return self._random.randbytes(self._random.randint(1, 60))
        raise AssertionError(shape.type_name)

    def _structure(self, shape: Any, depth: int) -> dict[str, Any]:
        made = {}
        if shape.is_tagged_union:
            name = self._random.choice(list(shape.members) if depth < _DEEPEST else list(shape.members)[-1:])
            return {name: self.of(shape.members[name], depth + 1)}
        always = [*shape.required_members, shape.serialization.get("payload")]
        for name, member in shape.members.items():
            if name in always or (depth < _DEEPEST and self._random.random() < 0.8):
                made[name] = self.of(member, depth + 1, ascii_only=member.serialization.get("location") == "header")
        if not made and shape.members:  # a form cannot say that a structure is there and empty
            name = list(shape.members)[-1]
            made[name] = self.of(shape.members[name], depth + 1, ascii_only=True)
        return made

    def _text(self, alphabet: str) -> str:
        text = "".join(self._random.choice(alphabet) for _ in range(self._random.randint(1, 12)))
        return text.strip() or "x"


def sent(operation: OperationModel, params: Mapping[str, Any]) -> Request:
    """The request botocore makes of values."""
    protocol = service_of(operation).metadata["protocol"]
    made = create_serializer(protocol, include_validation=False).serialize_to_request(params, operation)
    prepare_request_dict(made, endpoint_url="http://127.0.0.1:8081")
    body = made["body"]
    if isinstance(body, dict):
        from urllib.parse import urlencode

        body = urlencode(body)
    body = body.encode() if isinstance(body, str) else body
    headers = {name.lower(): str(value) for name, value in made["headers"].items()}
    return Request(made["method"], made["url"].removeprefix("http://127.0.0.1:8081"), headers, body)


def read(operation: OperationModel, response: Response) -> dict[str, Any]:
    """The values botocore reads out of a response."""
    factory = ResponseParserFactory()
    factory.set_parser_defaults(timestamp_parser=_seconds, blob_parser=None)
    parser = factory.create_parser(service_of(operation).metadata["protocol"])
    parsed: dict[str, Any] = parser.parse(
        {
            "headers": HeadersDict(response.headers),
            "body": io.BytesIO(response.body)
            if operation.has_streaming_output and response.status < 300
            else response.body,
            "status_code": response.status,
        },
        operation.output_shape,
    )
    return {name: value.read() if isinstance(value, io.BytesIO) else value for name, value in parsed.items()}


def _seconds(value: Any) -> float:
    return float(parse_to_aware_datetime(value).timestamp())


def service_of(operation: OperationModel) -> Any:
    return operation.service_model


def operations(name: str) -> list[Any]:
    """All operations of a service."""
    model = service(name)
    return [model.operation_model(operation) for operation in model.operation_names]
