"""Every operation of every service there and back, with botocore as the client: what it sends is what we read, what we
send is what it reads."""

from __future__ import annotations

from typing import Any

import pytest
from wire_values import Values, operations, read, sent

from edgesim.api.json_rpc import JsonRpc
from edgesim.api.query import Query
from edgesim.api.rest_xml import RestXml

LEAST = {"cloudfront": 167, "acm": 16, "sts": 8}
"""Operations of each service, at least: newer models have more."""

WIRES: dict[str, Any] = {"cloudfront": RestXml("cloudfront"), "acm": JsonRpc("acm"), "sts": Query("sts")}
SEEDS = range(8)


@pytest.mark.parametrize("name", WIRES)
def test_all_operations_are_tried(name: str) -> None:
    assert len(operations(name)) >= LEAST[name]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", WIRES)
def test_requests(name: str, seed: int) -> None:
    values = Values(seed)
    for operation in operations(name):
        params = values.of(operation.input_shape) if operation.input_shape is not None else {}
        asked = WIRES[name].read(sent(operation, params))
        assert asked.operation.name == operation.name
        assert asked.params == params, operation.name
        assert not asked.findings.violations
        assert not asked.findings.unknown


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", WIRES)
def test_responses(name: str, seed: int) -> None:
    values = Values(1_000 + seed)
    for operation in operations(name):
        result = values.of(operation.output_shape) if operation.output_shape is not None else {}
        response = WIRES[name].answer(operation, result, "an-id")
        parsed = read(operation, response)
        metadata = parsed.pop("ResponseMetadata", {})
        assert metadata.get("RequestId") == "an-id"
        assert parsed == result, operation.name
        assert response.status == int(operation.http.get("responseCode", 200))
