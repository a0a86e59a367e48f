"""From request to response: choice of the service, checks in AWS's words, errors as botocore reads them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from wire_values import Values, operations, read, sent

from edgesim.api import dispatch
from edgesim.api.account import Account
from edgesim.api.call import Call, Handler
from edgesim.api.dispatch import PATH_PREFIX, Dispatcher, Service
from edgesim.api.faults import fault
from edgesim.api.json_rpc import JsonRpc
from edgesim.api.messages import Request, Response
from edgesim.api.model import service
from edgesim.api.query import Query
from edgesim.api.rest_xml import NAMESPACE, RestXml
from edgesim.errors import ControlError

DONE = {
    "cloudfront": [
        "CreateDistribution",
        "CreateFunction",
        "CreateKeyGroup",
        "CreateRealtimeLogConfig",
        "ListConflictingAliases",
        "ListKeyGroups",
    ],
    "acm": ["AddTagsToCertificate", "DescribeCertificate"],
    "sts": ["GetCallerIdentity"],
}
"""What the dispatcher of these tests does, by service."""

KEY_GROUP = {"Name": "n", "Items": ["K1"]}


class Nobody:
    """An owner that no handler of these tests asks."""

    world: Any = None
    now = 0.0
    certificates: Any = None

    def apply(self, command: Any) -> Any:
        raise AssertionError(command)


class Desk:
    """A dispatcher whose handlers note their calls; ``outcome`` is what they give or raise."""

    def __init__(self, *, lenient: bool = False, outcome: Any = None) -> None:
        self.calls: list[Call] = []
        self.outcome = outcome if outcome is not None else {}
        handlers: Mapping[str, Handler] = dict.fromkeys(DONE["cloudfront"], self._handle)
        self.dispatcher = Dispatcher(
            Account(Nobody(), lenient=lenient),
            (
                Service("cloudfront", "CloudFront", RestXml("cloudfront"), handlers, prefix=PATH_PREFIX),
                Service(
                    "acm",
                    "ACM",
                    JsonRpc("acm"),
                    dict.fromkeys(DONE["acm"], self._handle),
                    ("IncompleteSignatureException", "InvalidSignatureException"),
                ),
                Service("sts", "STS", Query("sts"), dict.fromkeys(DONE["sts"], self._handle)),
            ),
        )

    def _handle(self, call: Call) -> Mapping[str, Any]:
        self.calls.append(call)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome  # type: ignore[no-any-return]

    def ask(self, name: str, operation: str, params: Mapping[str, Any], **headers: str) -> dict[str, Any]:
        """An operation as botocore asks it, and what botocore reads."""
        model = service(name).operation_model(operation)
        request = sent(model, params)
        request = Request(request.method, request.target, {**request.headers, **headers}, request.body)
        return read(model, self.dispatcher.answer(request))

    def error(self, name: str, operation: str, params: Mapping[str, Any], **headers: str) -> tuple[int, str, str]:
        """Status, code and message of an operation that fails."""
        answer = self.ask(name, operation, params, **headers)
        error = answer["Error"]
        return answer["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]

    def post(self, body: bytes, path: str = "/2020-05-31/key-group", **headers: str) -> Response:
        """A request by hand."""
        return self.dispatcher.answer(Request("POST", path, headers, body))


def test_a_call_and_its_answer() -> None:
    desk = Desk(outcome={"ETag": "E1", "Location": "l", "KeyGroup": {"Id": "k", "Unheard": 1, "KeyGroupConfig": None}})
    answer = desk.ask("cloudfront", "CreateKeyGroup", {"KeyGroupConfig": KEY_GROUP})
    (call,) = desk.calls
    assert (call.operation, call.params, call.account.id) == (
        "CreateKeyGroup",
        {"KeyGroupConfig": KEY_GROUP},
        "123456789012",
    )
    assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 201
    assert answer == {"ETag": "E1", "Location": "l", "KeyGroup": {"Id": "k"}}


# Constraints


def test_every_violation_is_told() -> None:
    config = {
        "CallerReference": "r",
        "Comment": "",
        "Enabled": True,
        "PriceClass": "PriceClass_7",
        "Origins": {"Quantity": 1, "Items": [{"DomainName": "o.test"}]},
        "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-none"},
        "ViewerCertificate": {"IAMCertificateId": "x" * 33},
    }
    desk = Desk()
    status, code, message = desk.error("cloudfront", "CreateDistribution", {"DistributionConfig": config})
    assert (status, code) == (400, "MalformedXML")
    assert message == (
        "4 validation errors detected: "
        "Value null at 'distributionConfig.origins.items.1.member.id' failed to satisfy constraint: "
        "Member must not be null; "
        "Value 'allow-none' at 'distributionConfig.defaultCacheBehavior.viewerProtocolPolicy' failed to satisfy "
        "constraint: Member must satisfy enum value set: [allow-all, https-only, redirect-to-https]; "
        "Value 'PriceClass_7' at 'distributionConfig.priceClass' failed to satisfy constraint: Member must satisfy "
        "enum value set: [PriceClass_100, PriceClass_200, PriceClass_All, None]; "
        f"Value '{'x' * 33}' at 'distributionConfig.viewerCertificate.iAMCertificateId' failed to satisfy constraint: "
        "Member must have length less than or equal to 32"
    )
    assert desk.calls == []


def test_one_violation_is_singular_and_bounds_are_told() -> None:
    params = {"DistributionId": "E1", "Alias": "a.test", "MaxItems": 101}
    status, code, message = Desk().error("cloudfront", "ListConflictingAliases", params)
    assert (status, code) == (400, "MalformedXML")
    assert message == (
        "1 validation error detected: Value '101' at 'maxItems' failed to satisfy constraint: "
        "Member must have value less than or equal to 100"
    )


def test_of_a_great_many_violations_a_hundred_are_told() -> None:
    body = f'<KeyGroupConfig xmlns="{NAMESPACE}"><Name>n</Name></KeyGroupConfig>'
    assert Desk().post(body.encode()).status == 400
    origins = "<Origin/>" * 5_000
    body = f'<DistributionConfig xmlns="{NAMESPACE}"><Origins><Items>{origins}</Items></Origins></DistributionConfig>'
    answer = Desk().post(body.encode(), "/2020-05-31/distribution")
    assert b"10005 validation errors detected: " in answer.body
    assert answer.body.count(b"failed to satisfy constraint") == 100


def test_patterns_lengths_and_secrets() -> None:
    params = {
        "Name": "a b",
        "FunctionConfig": {"Comment": "", "Runtime": "cloudfront-js-2.0"},
        "FunctionCode": b"",
    }
    _, _, message = Desk().error("cloudfront", "CreateFunction", params)
    assert "Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression" in message
    # the code is sensitive: not shown
    assert "Value at 'functionCode' failed to satisfy constraint: Member must have length greater" in message


def test_unicode_patterns() -> None:
    desk = Desk()
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    for key, fine in (("\u00e9t\u00e9 1_x", True), ("a#b", False), ("tab\t", False)):
        asked = desk.ask("acm", "AddTagsToCertificate", {"CertificateArn": arn, "Tags": [{"Key": key}]})
        assert ("Error" not in asked) == fine, (key, asked)


def test_a_wrong_type_is_a_violation() -> None:
    body = f'<KeyGroupConfig xmlns="{NAMESPACE}"><Name>n</Name><Items/></KeyGroupConfig>'
    assert Desk().post(body.encode()).status == 201
    rate = f'<CreateRealtimeLogConfigRequest xmlns="{NAMESPACE}"><SamplingRate>abc</SamplingRate>'
    rate += "<Name>n</Name><Fields/><EndPoints/></CreateRealtimeLogConfigRequest>"
    desk = Desk()
    answer = desk.post(rate.encode(), "/2020-05-31/realtime-log-config")
    assert answer.status == 400
    said = b"Value 'abc' at 'samplingRate' failed to satisfy constraint: Member must be a long integer"
    assert b"1 validation error detected: " + said in answer.body
    assert desk.calls == []


def test_json_has_its_own_code() -> None:
    status, code, message = Desk().error("acm", "DescribeCertificate", {})
    assert (status, code) == (400, "ValidationException")
    assert message == (
        "1 validation error detected: Value null at 'certificateArn' failed to satisfy constraint: "
        "Member must not be null"
    )


# Strict and lenient

ALIASES = {
    "CallerReference": "r",
    "Comment": "",
    "Enabled": True,
    "Aliases": {"Quantity": 2, "Items": ["a.test"]},
    "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": "o.test"}]},
    "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all"},
}


def test_quantities_must_be_right() -> None:
    desk = Desk()
    status, code, message = desk.error("cloudfront", "CreateDistribution", {"DistributionConfig": ALIASES})
    assert (status, code) == (400, "InconsistentQuantities")
    assert message.startswith("The value of Quantity and the size of Items don't match.")
    assert "distributionConfig.aliases: Quantity is 2, Items has 1" in message
    assert desk.calls == []


def test_lenient_repairs_quantities_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(lenient=True)
    config = {**ALIASES, "Origins": {"Items": ALIASES["Origins"]["Items"]}}  # type: ignore[index]
    answer = desk.ask("cloudfront", "CreateDistribution", {"DistributionConfig": config})
    (call,) = desk.calls
    assert call.params["DistributionConfig"]["Aliases"] == {"Quantity": 1, "Items": ["a.test"]}
    assert call.params["DistributionConfig"]["Origins"]["Quantity"] == 1
    warning = answer["ResponseMetadata"]["HTTPHeaders"][dispatch.WARNING]
    assert "repaired: distributionConfig.aliases: Quantity is 2, Items has 1" in warning
    assert "repaired: distributionConfig.origins: Quantity is missing, Items has 1" in warning
    assert warning in caplog.text


UNKNOWN = f'<KeyGroupConfig xmlns="{NAMESPACE}"><Name>n</Name><Items/><Nmae>x</Nmae></KeyGroupConfig>'.encode()


def test_unknown_elements_are_refused_unless_lenient() -> None:
    desk = Desk()
    answer = desk.post(UNKNOWN)
    assert answer.status == 400
    assert b"<Code>MalformedXML</Code>" in answer.body
    assert b"there is no element Nmae in KeyGroupConfig" in answer.body
    assert desk.calls == []
    lenient = Desk(lenient=True)
    answer = lenient.post(UNKNOWN)
    assert answer.status == 201
    assert answer.headers[dispatch.WARNING] == "ignored: there is no element Nmae in KeyGroupConfig"
    assert lenient.calls[0].params == {"KeyGroupConfig": {"Name": "n", "Items": []}}


def test_a_warning_is_a_header_whatever_is_in_it() -> None:
    answer = Desk(lenient=True).post(UNKNOWN.replace(b"Nmae", "N\u00e4me\u4e2d".encode()))
    assert answer.headers[dispatch.WARNING] == "ignored: there is no element N?me? in KeyGroupConfig"


# Errors

ERRORS = [(error.metadata["error"].get("code", error.name), error) for error in service("cloudfront").error_shapes]


@pytest.mark.parametrize(("code", "shape"), ERRORS, ids=[code for code, _ in ERRORS])
def test_every_error_of_the_model_has_its_status(code: str, shape: Any) -> None:
    status, read_code, message = Desk(outcome=fault(code)).error("cloudfront", "ListKeyGroups", {})
    assert (status, read_code) == (shape.metadata["error"]["httpStatusCode"], code)
    assert message
    assert "<" not in message


def test_errors_in_xml() -> None:
    answer = Desk(outcome=ControlError("A&B", "<\0\ufffe>", 404)).post(UNKNOWN.replace(b"<Nmae>x</Nmae>", b""))
    id = answer.headers["x-amzn-RequestId"]
    assert answer.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>A&amp;B</Code>'
        f"<Message>&lt;\ufffd\ufffd&gt;</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
    )


def test_errors_in_json() -> None:
    desk = Desk(outcome=fault("ResourceNotFoundException", "none", of="acm"))
    answer = desk.ask(
        "acm", "DescribeCertificate", {"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}
    )
    assert answer["Error"] == {"Code": "ResourceNotFoundException", "Message": "none"}
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == "ResourceNotFoundException"


def test_errors_of_a_form() -> None:
    status, code, message = Desk(outcome=fault("ExpiredTokenException", "old", of="sts")).error(
        "sts", "GetCallerIdentity", {}
    )
    assert (status, code, message) == (400, "ExpiredTokenException", "old")


@pytest.mark.parametrize("name", ["cloudfront", "acm", "sts"])
def test_what_nobody_does_is_said_to_be_so(name: str) -> None:
    desk, left = Desk(), [operation for operation in operations(name) if operation.name not in DONE[name]]
    assert left
    for operation in left:
        params = Values(1).of(operation.input_shape) if operation.input_shape is not None else {}
        status, code, message = desk.error(name, operation.name, params)
        assert (status, code) == (501, "NotImplemented"), operation.name
        assert operation.name in message


def test_a_failure_inside_is_told_without_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(outcome=ZeroDivisionError("inside"))
    with caplog.at_level(logging.ERROR):
        status, code, message = desk.error(
            "cloudfront", "CreateKeyGroup", {"KeyGroupConfig": {**KEY_GROUP, "Name": "secret"}}
        )
    assert (status, code) == (500, "InternalFailure")
    assert "inside" not in message.replace("inside edgesim", "")
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


# Services and signatures

DATE = "20260301T120000Z"


def signed(service_name: str, *, date: str = "20260301", **parts: str) -> str:
    given = {
        "Credential": f"AKIDEXAMPLE/{date}/us-east-1/{service_name}/aws4_request",
        "SignedHeaders": "host;x-amz-date",
        "Signature": "0" * 64,
        **parts,
    }
    return "AWS4-HMAC-SHA256 " + ", ".join(f"{name}={value}" for name, value in given.items() if value)


def headers(authorization: str, date: str = DATE) -> dict[str, str]:
    return {"authorization": authorization, "x-amz-date": date}


def test_the_service_is_chosen_by_scope_path_target_or_action() -> None:
    desk = Desk()
    form = b"Action=GetCallerIdentity&Version=2011-06-15"
    for given in ({}, headers(signed("sts"))):
        assert desk.post(form, "/", **given).status == 200
    assert desk.calls[-1].operation == "GetCallerIdentity"
    body = b'{"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}'
    target = {"x-amz-target": "CertificateManager.DescribeCertificate"}
    for given in (target, {**target, **headers(signed("acm"))}):
        assert desk.post(body, "/", **given).status == 200
    assert desk.calls[-1].operation == "DescribeCertificate"
    assert len(desk.calls) == 4


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({}, 400, b"MissingAction"),
        ({"x-amz-target": "DynamoDB_20120810.ListTables"}, 404, b"UnknownOperationException"),
        (headers(signed("acm")), 400, b"UnknownOperationException"),
        (headers(signed("sts")), 400, b"MissingAction"),
        (headers(signed("s3")), 400, b"MissingAction"),
    ],
)
def test_what_asks_for_nothing_known(given: dict[str, str], status: int, code: bytes) -> None:
    answer = Desk().post(b"", "/", **given)
    assert answer.status == status
    assert code in answer.body


BROKEN = {
    "basic": (headers("Basic YTpi"), "Incomplete"),
    "bearer": (headers("Bearer x"), "Incomplete"),
    "nothing": (headers(""), "Incomplete"),
    "algorithm only": (headers("AWS4-HMAC-SHA256"), "Incomplete"),
    "no signature": (headers(signed("{}", Signature="")), "Incomplete"),
    "no signed headers": (headers(signed("{}", SignedHeaders="")), "Incomplete"),
    "no credential": (headers(signed("{}", Credential="")), "Incomplete"),
    "short credential": (headers(signed("{}", Credential="AKIDEXAMPLE/20260301")), "Incomplete"),
    "terminator": (headers(signed("{}", Credential="AKIDEXAMPLE/20260301/us-east-1/{}/aws3")), "wrong"),
    "no date": ({"authorization": signed("{}")}, "Incomplete"),
    "date in words": (headers(signed("{}"), "Sun, 01 Mar 2026 12:00:00 GMT"), "Incomplete"),
    "date with dashes": (headers(signed("{}"), "2026-03-01T12:00:00Z"), "Incomplete"),
    "date of another day": (headers(signed("{}", date="20260302")), "wrong"),
    "another service": (headers(signed("s3")), "wrong"),
}


@pytest.mark.parametrize("which", BROKEN)
@pytest.mark.parametrize(
    ("name", "operation", "status", "incomplete", "wrong"),
    [
        ("cloudfront", "ListKeyGroups", 403, "IncompleteSignature", "SignatureDoesNotMatch"),
        ("sts", "GetCallerIdentity", 403, "IncompleteSignature", "SignatureDoesNotMatch"),
        ("acm", "DescribeCertificate", 400, "IncompleteSignatureException", "InvalidSignatureException"),
    ],
)
def test_a_signature_that_is_none_is_refused(
    which: str, name: str, operation: str, status: int, incomplete: str, wrong: str
) -> None:
    given, kind = BROKEN[which]
    given = {header: value.replace("{}", name) for header, value in given.items()}
    params = {"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1"} if name == "acm" else {}
    desk = Desk()
    answer = desk.error(name, operation, params, **given)
    assert answer[:2] == (status, incomplete if kind == "Incomplete" else wrong), answer
    assert "AKIDEXAMPLE" not in answer[2]
    assert desk.calls == []


@pytest.mark.parametrize(
    "given",
    [
        {},
        headers(signed("cloudfront")),
        headers(signed("cloudfront").replace(", ", ",")),
        headers(signed("cloudfront", Credential="a/b/c/20260301/eu-west-1/cloudfront/aws4_request")),
        {"authorization": signed("cloudfront"), "date": "Sun, 01 Mar 2026 12:00:00 GMT"},
        headers(
            signed("cloudfront", Credential="AKID/20260301/cloudfront/aws4_request").replace(
                "HMAC-SHA256", "ECDSA-P256-SHA256"
            )
        ),
    ],
)
def test_any_signature_that_is_one_is_taken(given: dict[str, str]) -> None:
    assert "Error" not in Desk().ask("cloudfront", "ListKeyGroups", {}, **given)
