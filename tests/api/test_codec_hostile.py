"""Documents, forms and paths nobody honest sends: refused in the API's words, quickly, and nothing slips through."""

from __future__ import annotations

import tracemalloc
from time import process_time
from typing import Any

import pytest

from edgesim.api.json_rpc import JsonRpc
from edgesim.api.messages import Request
from edgesim.api.query import Query
from edgesim.api.rest_xml import NAMESPACE, RestXml
from edgesim.errors import ControlError

CLOUDFRONT, ACM, STS = RestXml("cloudfront"), JsonRpc("acm"), Query("sts")

PLAIN = f'<KeyGroupConfig xmlns="{NAMESPACE}"><Name>n</Name><Items><PublicKey>K1</PublicKey></Items></KeyGroupConfig>'


def key_group(document: str | bytes) -> Any:
    """A CreateKeyGroup with this body, as it is read."""
    body = document.encode() if isinstance(document, str) else document
    return CLOUDFRONT.read(Request("POST", "/2020-05-31/key-group", {}, body))


def refused(wire: Any, request: Request) -> ControlError:
    with pytest.raises(ControlError) as caught:
        wire.read(request)
    return caught.value


def test_an_honest_one_is_read() -> None:
    assert key_group(PLAIN).params == {"KeyGroupConfig": {"Name": "n", "Items": ["K1"]}}
    assert key_group(b"\xef\xbb\xbf" + PLAIN.encode()).params == key_group(PLAIN).params
    assert key_group(PLAIN.encode("utf-16")).params == key_group(PLAIN).params  # it says so by its first bytes
    assert key_group(f'<?xml version="1.0" encoding="utf-8"?>{PLAIN}').params == key_group(PLAIN).params
    prefixed = PLAIN.replace("xmlns=", "xmlns:a=").replace("</", "</a:").replace("<", "<a:").replace("<a:/", "</")
    assert key_group(prefixed).params == key_group(PLAIN).params


_LAUGHS = "".join(f'<!ENTITY l{at + 1} "{f"&l{at};" * 10}">' for at in range(9))

HOSTILE = {
    "billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "lol">{_LAUGHS}]>{PLAIN.replace("<Name>n", "<Name>&l9;")}',
    "external entity": f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>{PLAIN.replace("<Name>n", "<Name>&e;")}',
    "external document type": f'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">{PLAIN}',
    "unknown entity": PLAIN.replace("<Name>n", "<Name>&nbsp;"),
    "deep": "<KeyGroupConfig>" * 100_000,
    "deep and closed": "<KeyGroupConfig>" * 1_000 + "</KeyGroupConfig>" * 1_000,
    "many": PLAIN.replace("<Items>", "<Items>" + "<a/>" * 250_000),
    "NUL": PLAIN.replace("<Name>n", "<Name>\0"),
    "NUL by reference": PLAIN.replace("<Name>n", "<Name>&#0;"),
    "control character": PLAIN.replace("<Name>n", "<Name>&#1;"),
    "half a surrogate pair": PLAIN.replace("<Name>n", "<Name>&#xD800;"),
    "two roots": PLAIN + PLAIN,
    "cut off": PLAIN[:-3],
    "text": "KeyGroupConfig",
    "JSON": '{"KeyGroupConfig": {}}',
    "another root": PLAIN.replace("KeyGroupConfig", "KeyGroup"),
    "another namespace": PLAIN.replace("2020-05-31", "2019-03-26"),
    "half of UTF-16": PLAIN.encode("utf-16")[:-1],
    "Latin-1": b'<?xml version="1.0" encoding="iso-8859-1"?>' + PLAIN.encode(),
    "UTF-7": b'<?xml version="1.0" encoding="utf-7"?>' + PLAIN.encode(),
    "an encoding of no name": b'<?xml version="1.0" encoding="x-\xff"?>' + PLAIN.encode(),
    "not UTF-8": PLAIN.encode().replace(b"<Name>n", b"<Name>\xff\xfe"),
    "prefix without a namespace": PLAIN.replace("<Name>n</Name>", "<a:Name>n</a:Name>"),
}


@pytest.mark.parametrize("which", HOSTILE)
def test_hostile_documents_are_malformed(which: str) -> None:
    document, began = HOSTILE[which], process_time()
    with pytest.raises(ControlError) as caught:
        key_group(document)
    assert (caught.value.code, caught.value.status) == ("MalformedXML", 400)
    assert "passwd" not in caught.value.message
    assert process_time() - began < 1


def test_ten_megabytes_take_no_more_than_a_few_times_themselves() -> None:
    document = PLAIN.replace("<Name>n", f"<Name>{'n' * 10_000_000}")
    tracemalloc.start()
    read = key_group(document)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(read.params["KeyGroupConfig"]["Name"]) == 10_000_000
    assert peak < 100_000_000


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<Name>n</Name><Nmae>x</Nmae>", "there is no element Nmae in KeyGroupConfig"),
        ('<Name>n</Name><Name xmlns="urn:other">x</Name>', "there is no element Name in KeyGroupConfig"),
        ("<Name>n</Name><Name>m</Name>", "the element Name is in KeyGroupConfig more than once"),
        ("<Name>n<b/></Name>", "there is no element b in Name"),
        ("hello<Name>n</Name>", "there is text in KeyGroupConfig, which takes elements only"),
        ("<Name>n</Name><Items><member>K1</member></Items>", "there is no element member in Items"),
        ("<Name>n</Name><Items>K1</Items>", "there is text in Items, which takes elements only"),
    ],
)
def test_what_the_model_has_not_is_found(inside: str, said: str) -> None:
    asked = key_group(f'<KeyGroupConfig xmlns="{NAMESPACE}">{inside}</KeyGroupConfig>')
    assert said in asked.findings.unknown
    assert asked.params["KeyGroupConfig"]["Name"] == "n"


def test_a_document_without_namespace_is_found() -> None:
    asked = key_group(PLAIN.replace(f' xmlns="{NAMESPACE}"', ""))
    assert asked.findings.unknown == [f"the root element has no namespace, expected {NAMESPACE}"]
    assert asked.params == key_group(PLAIN).params


def test_a_missing_document_is_a_missing_body() -> None:
    for body in ("", "  \n"):
        assert refused(CLOUDFRONT, Request("POST", "/2020-05-31/key-group", {}, body.encode())).code == "MissingBody"


# Paths


@pytest.mark.parametrize(
    ("path", "operation", "labels"),
    [
        ("/2020-05-31/distribution/E1%2Fconfig", "GetDistribution", {"Id": "E1/config"}),
        ("/2020-05-31/distribution/%2E%2E%2Fkey-group", "GetDistribution", {"Id": "../key-group"}),
        ("/2020-05-31/distribution/..", "GetDistribution", {"Id": ".."}),
        ("/2020-05-31/distribution/../config", "GetDistributionConfig", {"Id": ".."}),
        ("/2020-05-31/distribution/E1%3FWithTags", "GetDistribution", {"Id": "E1?WithTags"}),
        ("/2020-05-31/distribution/E1%00", "GetDistribution", {"Id": "E1\0"}),
        ("/2020-05-31/distribution/a+b%20c", "GetDistribution", {"Id": "a+b c"}),
        ("/2020-05-31/distribution/%252F", "GetDistribution", {"Id": "%2F"}),
        ("http://127.0.0.1:8081/2020-05-31/distribution/E1", "GetDistribution", {"Id": "E1"}),
        (
            "/2020-05-31/distribution/E1/invalidation/I%2F1",
            "GetInvalidation",
            {"DistributionId": "E1", "Id": "I/1"},
        ),
    ],
)
def test_a_label_stays_where_it_is(path: str, operation: str, labels: dict[str, str]) -> None:
    asked = CLOUDFRONT.read(Request("GET", path, {}))
    assert (asked.operation.name, asked.params) == (operation, labels)


@pytest.mark.parametrize(
    "path",
    [
        "/2020-05-31/nothing",
        "/2020-05-31/",
        "/2020-05-31/distribution/",
        "/2020-05-31/distribution//config",
        "/2020-05-31//distribution",
        "/2020-05-31/distribution/E1/config/",
        "/2020-05-31/distribution%2FE1",
        "/2020-05-31/Distribution",
    ],
)
def test_other_paths_are_no_operation(path: str) -> None:
    error = refused(CLOUDFRONT, Request("GET", path, {}))
    assert (error.code, error.status) == ("UnknownOperationException", 404)


def test_a_wrong_method_names_those_that_are() -> None:
    error = refused(CLOUDFRONT, Request("PATCH", "/2020-05-31/distribution", {}))
    assert (error.code, error.status) == ("MethodNotAllowed", 405)
    assert "GET, POST" in error.message


@pytest.mark.parametrize("target", ["/2020-05-31/distribution/%FF", "/2020-05-31/distribution?Marker=%FF"])
def test_what_is_not_utf8_is_refused(target: str) -> None:
    assert refused(CLOUDFRONT, Request("GET", target, {})).code == "InvalidArgument"


@pytest.mark.parametrize(
    ("query", "operation"),
    [
        ("", "CreateDistribution"),
        ("?WithTags", "CreateDistributionWithTags"),
        ("?WithTags=", "CreateDistributionWithTags"),
        ("?x=1&WithTags", "CreateDistributionWithTags"),
        ("?WithTags=no", "CreateDistribution"),
    ],
)
def test_a_literal_query_chooses_the_operation(query: str, operation: str) -> None:
    root = "DistributionConfigWithTags" if operation.endswith("Tags") else "DistributionConfig"
    body = f'<{root} xmlns="{NAMESPACE}"/>'.encode()
    asked = CLOUDFRONT.read(Request("POST", f"/2020-05-31/distribution{query}", {}, body))
    assert asked.operation.name == operation


def test_query_and_header_members() -> None:
    headers = {"if-match": "E1"}
    asked = CLOUDFRONT.read(Request("PUT", "/2020-05-31/distribution/E1/associate-alias?Alias=a%2Bb+c", headers))
    assert asked.params == {"TargetDistributionId": "E1", "Alias": "a+b c"}
    asked = CLOUDFRONT.read(Request("DELETE", "/2020-05-31/key-group/k", headers))
    assert asked.params == {"Id": "k", "IfMatch": "E1"}
    asked = CLOUDFRONT.read(Request("GET", "/2020-05-31/key-group?Marker=&MaxItems=2", {}))
    assert asked.params == {"MaxItems": "2"}  # an empty one says nothing


# JSON and forms


def acm(body: bytes, target: str = "CertificateManager.DescribeCertificate") -> Request:
    return Request("POST", "/", {"x-amz-target": target}, body)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff",
        b'{"CertificateArn": NaN}',
        b'{"CertificateArn": 1}',
        b'{"CertificateArn": ["a"]}',
        b'{"CertificateArn": "\\ud800"}',
        b'{"CertificateArn": ' + b"9" * 5_000 + b"}",
        b'{"CertificateArn": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_such_json_is_refused(body: bytes) -> None:
    error = refused(ACM, acm(body))
    assert (error.code, error.status) == ("SerializationException", 400)


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("ListCertificates", b'{"MaxItems": "3"}'),
        ("ListCertificates", b'{"MaxItems": 3.5}'),
        ("ListCertificates", b'{"MaxItems": true}'),
        ("ListCertificates", b'{"MaxItems": 2147483648}'),
        ("ImportCertificate", b'{"Certificate": "not base64!"}'),
        ("RequestCertificate", b'{"SubjectAlternativeNames": "a.test"}'),
        ("RequestCertificate", b'{"SubjectAlternativeNames": [null]}'),
        ("SearchCertificates", b'{"FilterStatement": ' + b'{"Not": ' * 300 + b"{}" + b"}" * 301),
    ],
)
def test_wrong_kinds_in_json_are_refused(target: str, body: bytes) -> None:
    assert refused(ACM, acm(body, f"CertificateManager.{target}")).code == "SerializationException"


def test_null_is_absent_and_unknown_members_are_found() -> None:
    asked = ACM.read(acm(b'{"CertificateArn": null, "Arn": "x"}'))
    assert asked.params == {}
    assert asked.findings.unknown == ["there is no member Arn in the request"]


def test_an_unknown_target_is_refused() -> None:
    error = refused(ACM, acm(b"{}", "CertificateManager.Explode"))
    assert (error.code, error.status) == ("UnknownOperationException", 400)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MissingAction"),
        (b"Action=", "MissingAction"),
        (b"Action=Explode", "InvalidAction"),
        (b"\xff\xff", "MalformedQueryString"),
        (b"Action=%FF", "MalformedQueryString"),
        (b"a=1&" * 20_000, "MalformedQueryString"),
    ],
)
def test_forms_that_say_nothing_known(body: bytes, code: str) -> None:
    assert refused(STS, Request("POST", "/", {}, body)).code == code


def test_unknown_fields_of_a_form_are_found() -> None:
    asked = STS.read(Request("POST", "/", {}, b"Action=GetCallerIdentity&Version=2011-06-15&Colour=red"))
    assert asked.operation.name == "GetCallerIdentity"
    assert asked.findings.unknown == ["there is no parameter Colour"]
