"""The protocol of key value stores, rest-json: operations are methods and paths as in rest-xml, documents JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel

from edgesim.api import values
from edgesim.api.json_rpc import decode, encode, loaded
from edgesim.api.messages import Asked, Findings, Request, Response
from edgesim.api.model import service
from edgesim.api.rest_xml import in_header, outside, query_of
from edgesim.api.routing import find
from edgesim.errors import ControlError

MEDIA = "application/json"


class RestJson:
    """Reads and writes rest-json for one service; payload members are not known, for no service here has one."""

    invalid = "ValidationException"
    refuses_unknown = False

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, request: Request) -> Asked:
        """The operation and its values. Raises ControlError for an unknown path and for what is no such JSON."""
        query = query_of(request.query)
        operation, labels = find(self.name, request, query)
        model = service(self.name).operation_model(operation)
        findings, params = Findings(), dict[str, Any]()
        shape: Any = model.input_shape
        data = loaded(request.body)
        params.update(decode(shape, data, "", findings))
        texts = {"uri": labels, "querystring": dict(reversed(query)), "header": request.headers}
        for name, member in shape.members.items():
            if (location := member.serialization.get("location")) is not None:
                params.pop(name, None)
                outside(params, name, member, texts[location], findings)
        return Asked(model, params, findings)

    def answer(self, model: OperationModel, result: Mapping[str, Any], id: str) -> Response:
        """The response to an operation that went well."""
        shape: Any = model.output_shape
        headers = {"x-amzn-RequestId": id, "Content-Type": MEDIA}
        inside = dict(result)
        for name, member in shape.members.items():
            if member.serialization.get("location") == "header" and name in inside:
                headers[member.serialization.get("name", name)] = in_header(values.write(member, inside.pop(name)))
        return Response(int(model.http.get("responseCode", 200)), headers, json.dumps(encode(shape, inside)).encode())

    def refuse(self, error: ControlError, id: str) -> Response:
        """The response to an operation that was refused."""
        headers = {"x-amzn-RequestId": id, "Content-Type": MEDIA, "x-amzn-ErrorType": error.code}
        return Response(error.status, headers, json.dumps({"message": error.message}).encode())
