"""The AWS APIs on the control port, asked by boto3 and by hand."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from control_asker import Asker

from edgesim.assembly.running import Address
from edgesim.cli.main import main
from edgesim.control.app import Control
from edgesim.control.aws import MOUNTED
from edgesim.control.route import LARGEST_BODY

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.live]

NAMESPACE = "{http://cloudfront.amazonaws.com/doc/2020-05-31/}"


def client(asker: Asker, name: str, **config: Any) -> Any:
    return boto3.client(
        name,
        endpoint_url=asker.url,
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="anything",
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


async def ask(call: Callable[..., Any], **params: Any) -> Any:
    return await asyncio.to_thread(lambda: call(**params))


async def by_hand(asker: Asker, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
    """Status, headers, and the XML's or JSON's content."""
    from yarl import URL

    url = URL(asker.url + path, encoded=True)
    async with asker.session.request(method, url, data=body, headers=headers) as answer:
        text = await answer.text()
        parsed = ElementTree.fromstring(text) if text.startswith("<?xml") else json.loads(text)
        return answer.status, answer.headers, parsed


def code(document: Any) -> str:
    return str(document.findtext(f"{NAMESPACE}Error/{NAMESPACE}Code"))


async def test_boto3_reads_lists_and_errors(asker: Asker) -> None:
    cloudfront = client(asker, "cloudfront")
    listed = await ask(cloudfront.list_cache_policies, Type="managed", MaxItems="2")
    assert listed["CachePolicyList"]["Quantity"] == 2
    assert listed["CachePolicyList"]["NextMarker"]
    with pytest.raises(ClientError) as caught:
        await ask(cloudfront.get_key_group, Id="no/such ../group")
    assert caught.value.response["Error"]["Code"] == "NoSuchResource"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


async def test_a_change_moves_the_world_and_an_empty_comment_stays(asker: Asker) -> None:
    cloudfront = client(asker, "cloudfront")
    before = asker.running.world.generation
    config = {"Name": "wire", "Comment": "", "MinTTL": 1}
    made = await ask(cloudfront.create_cache_policy, CachePolicyConfig=config)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["CachePolicy"]["CachePolicyConfig"]["Comment"] == ""
    assert asker.running.world.generation > before
    await ask(cloudfront.delete_cache_policy, Id=made["CachePolicy"]["Id"], IfMatch=made["ETag"])


async def test_acm_and_sts_are_at_the_root(asker: Asker) -> None:
    identity = await ask(client(asker, "sts").get_caller_identity)
    assert identity["Account"] == "123456789012"
    certificates = await ask(client(asker, "acm").list_certificates)
    assert isinstance(certificates["CertificateSummaryList"], list)
    assert certificates["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/x-amz-json-1.1"


async def test_no_key_is_needed(asker: Asker) -> None:
    listed = await ask(client(asker, "cloudfront", signature_version=UNSIGNED).list_key_groups)
    assert listed["KeyGroupList"]["Quantity"] == 0


async def test_what_is_not_emulated(asker: Asker) -> None:
    with pytest.raises(ClientError, match=r"\(NotImplemented\).*ListAnycastIpLists") as caught:
        await ask(client(asker, "cloudfront").list_anycast_ip_lists)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


async def test_other_paths_and_methods(asker: Asker) -> None:
    status, headers, document = await by_hand(asker, "GET", "/2020-05-31/nothing")
    assert (status, code(document)) == (404, "UnknownOperationException")
    assert headers["x-amzn-RequestId"] == document.findtext(f"{NAMESPACE}RequestId")
    status, _, document = await by_hand(asker, "PATCH", "/2020-05-31/distribution")
    assert (status, code(document)) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    "label", ["..", "%2E%2E", "..%2f..%2fkey-group", "%00", "%0d%0aX:%20y".replace(":", "%3A"), "a%3Fb", "%F0%9F%98%80"]
)
async def test_no_label_is_another_path(asker: Asker, label: str) -> None:
    status, _, document = await by_hand(asker, "GET", f"/2020-05-31/key-group/{label}")
    assert (status, code(document)) == (404, "NoSuchResource")


async def test_a_label_that_is_no_utf8(asker: Asker) -> None:
    status, _, document = await by_hand(asker, "GET", "/2020-05-31/key-group/%FF")
    assert (status, code(document)) == (400, "InvalidArgument")


async def test_a_large_body_is_refused(asker: Asker) -> None:
    large = io.BytesIO(b" " * (LARGEST_BODY + 1))
    status, _, document = await by_hand(asker, "POST", "/2020-05-31/key-group", large)
    assert (status, code(document)) == (413, "RequestEntityTooLarge")
    large = io.BytesIO(b" " * (LARGEST_BODY + 1))
    target = {"X-Amz-Target": "CertificateManager.ListCertificates"}
    status, _, answer = await by_hand(asker, "POST", "/", large, **target)
    assert (status, answer["__type"]) == (413, "RequestEntityTooLarge")


async def test_a_body_that_unpacks_to_much_or_to_nothing(asker: Asker) -> None:
    bomb = gzip.compress(b" " * 20_000_000)
    packed = {"Content-Encoding": "gzip"}
    status, _, document = await by_hand(asker, "POST", "/2020-05-31/key-group", bomb, **packed)
    assert (status, code(document)) == (413, "RequestEntityTooLarge")
    status, _, document = await by_hand(asker, "POST", "/2020-05-31/key-group", b"no gzip", **packed)
    assert (status, code(document)) == (400, "InvalidRequest")


async def test_strangers_are_refused_in_xml(asker: Asker) -> None:
    for headers in ({"Host": "evil.test"}, {"Origin": "http://evil.test"}):
        status, _, document = await by_hand(asker, "POST", "/2020-05-31/key-group", b"", **headers)
        assert (status, code(document)) == (403, "AccessDenied")
        assert document.findtext(f"{NAMESPACE}RequestId")
    status, _, document = await by_hand(asker, "GET", "/2020-05-31/key-group", Host="evil.test")
    assert (status, code(document)) == (403, "AccessDenied")


async def test_the_rest_of_the_port_keeps_its_json(asker: Asker) -> None:
    status, _, answer = await by_hand(asker, "GET", "/_edgesim/nothing")
    assert (status, answer["error"]["code"]) == (404, "NoSuchRoute")
    description = (await asker.get("openapi.json"))["info"]["description"]
    assert all(path.partition("{")[0] in description for _, path in MOUNTED)


async def test_models_are_loaded_at_the_first_request_only() -> None:
    """The start of a world does not wait for botocore."""
    code = "import edgesim.cli.up, sys; print('botocore' in sys.modules)"
    command = [sys.executable, "-c", code]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


async def test_lenient_mends_and_says_so(asker: Asker) -> None:
    lenient = Control(asker.running, lenient=True)
    try:
        url = await lenient.start(Address())
        other = Asker(asker.running, lenient, url, asker.session)
        headers = {"HeaderBehavior": "whitelist", "Headers": {"Quantity": 2, "Items": ["X-One"]}}
        none = {"CookiesConfig": {"CookieBehavior": "none"}, "QueryStringsConfig": {"QueryStringBehavior": "none"}}
        config = {"Name": "mended", "HeadersConfig": headers, **none}
        with pytest.raises(ClientError, match="InconsistentQuantities"):
            await ask(client(asker, "cloudfront").create_origin_request_policy, OriginRequestPolicyConfig=config)
        cloudfront = client(other, "cloudfront")
        made = await ask(cloudfront.create_origin_request_policy, OriginRequestPolicyConfig=config)
        policy = made["OriginRequestPolicy"]
        assert policy["OriginRequestPolicyConfig"]["HeadersConfig"]["Headers"] == {"Quantity": 1, "Items": ["X-One"]}
        assert "Quantity is 2, Items has 1" in made["ResponseMetadata"]["HTTPHeaders"]["x-edgesim-warning"]
        await ask(cloudfront.delete_origin_request_policy, Id=policy["Id"], IfMatch=made["ETag"])
    finally:
        await lenient.close()


async def test_a_write_is_in_force_when_it_is_answered(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    async def settle() -> None:
        seen.append(asker.running.world.generation)

    monkeypatch.setattr(asker.running, "settle", settle)
    cloudfront = client(asker, "cloudfront")
    await ask(cloudfront.list_cache_policies)
    assert len(seen) == 1
    seen.clear()
    made = await ask(cloudfront.create_cache_policy, CachePolicyConfig={"Name": "settled", "MinTTL": 1})
    assert len(seen) == 2
    assert seen[1] > seen[0]
    await ask(cloudfront.delete_cache_policy, Id=made["CachePolicy"]["Id"], IfMatch=made["ETag"])


def refused_start(*flags: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["up", *flags])
    return str(caught.value)


async def test_lenient_is_for_who_has_the_apis() -> None:
    assert "--lenient" in await asyncio.to_thread(refused_start, "--role", "edge", "--lenient")
