"""Documents of other tools in a world that runs, through its control port and the commands."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from edgesim.assembly.running import Address, Options, RunningWorld
from edgesim.control.app import Control
from edgesim.observe.clock import system_time
from edgesim.world.loading import check_text

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

HERE = Path(__file__).parent
WORLD = """\
latency: { mode: reported }
edges: [LHR61-C2]
site: { nodes: 1, https: false }
origins: { site: { toy_site: true, protocol: http-only } }
distributions:
  - name: harbour
    aliases: [localhost]
    default_behavior: { origin: site, ttl: { default: 1 day } }
"""


class Asker:
    """Asks the control port and the edges."""

    def __init__(self, running: RunningWorld, url: str, session: aiohttp.ClientSession) -> None:
        self.running = running
        self.url = url
        self.session = session

    async def post(self, **body: Any) -> tuple[int, Any]:
        async with self.session.post(f"{self.url}/_edgesim/import", json=body) as response:
            return response.status, await response.json()

    async def good(self, *texts: str, **body: Any) -> Any:
        status, data = await self.post(documents=[{"text": text} for text in texts], **body)
        assert status == 201, data
        return data

    async def get(self, path: str, **query: str) -> Any:
        async with self.session.get(f"{self.url}/_edgesim/{path}", params=query) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def view(self, host: str, path: str = "/") -> tuple[int, str]:
        assert self.running.http is not None
        headers = {"Host": host}
        url = self.running.http.url("http") + path
        async with self.session.get(url, headers=headers, allow_redirects=False) as response:
            return response.status, await response.text()

    def records(self) -> dict[str, int]:
        return {family: len(records) for family, records in self.running.world.records.items() if records}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def asker(tmp_path_factory: Any) -> AsyncIterator[Asker]:
    directory: Path = tmp_path_factory.mktemp("importing")
    checked = check_text(WORLD, file=str(directory / "world.yaml"))
    running = await RunningWorld.start(Options(checked.configure(system_time())))
    control = Control(running)
    try:
        url = await control.start(Address())
        async with aiohttp.ClientSession() as session:
            yield Asker(running, url, session)
    finally:
        await control.close()
        await running.close()


def printed(**changes: Any) -> dict[str, Any]:
    origin = {
        "Id": "app",
        "DomainName": "app.example.com",
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"},
    }
    config = {
        "CallerReference": "2024",
        "Comment": "",
        "Enabled": True,
        "Aliases": {"Quantity": 1, "Items": ["cli.harbour.test"]},
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "app",
            "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        },
        "ViewerCertificate": {
            "ACMCertificateArn": "arn:aws:acm:us-east-1:111122223333:certificate/1",
            "SSLSupportMethod": "sni-only",
            "MinimumProtocolVersion": "TLSv1.2_2021",
            "CertificateSource": "acm",
        },
    }
    return {**config, **changes}


async def test_printed_by_the_cli_and_served(asker: Asker) -> None:
    site = next(iter(asker.running.world.base.origins.values()))
    url = f"http://127.0.0.1:{site.http_port or asker.running.world.site_address.http_port}"
    report = await asker.good(
        json.dumps({"ETag": "E", "DistributionConfig": printed()}), origins={"app": url}, name="shop"
    )
    assert report["unmapped"] == []
    (note,) = report["notes"]
    assert note["path"] == "DistributionConfig.ViewerCertificate"
    assert "one of the local authority for cli.harbour.test" in note["why"]
    (made,) = report["distributions"]
    assert asker.running.world.records["distribution"][made["id"]].tags == {"Name": "shop"}
    status, text = await asker.view("cli.harbour.test")
    assert status == 200, text
    assert asker.running.world.distributions[made["id"]].security_policy == "TLSv1.2_2021"
    again = await asker.good(json.dumps(printed()))
    assert again["distributions"][0]["id"] == made["id"]
    exported = await asker.get("export", id="cli.harbour.test")
    once_more = await asker.good(json.dumps({"DistributionConfig": exported}))
    assert once_more["distributions"][0]["id"] == made["id"]
    assert once_more["notes"] == []


async def test_ids_of_another_account_give_way(asker: Asker) -> None:
    config = printed(CallerReference="other", Aliases={"Quantity": 0}, WebACLId="arn:x")
    config["DefaultCacheBehavior"] |= {
        "CachePolicyId": "11111111-2222-3333-4444-555555555555",
        "OriginRequestPolicyId": "gone",
        "TrustedKeyGroups": {"Enabled": True, "Quantity": 1, "Items": ["gone"]},
        "FunctionAssociations": {
            "Quantity": 1,
            "Items": [{"EventType": "viewer-request", "FunctionARN": "arn:aws:cloudfront::1:function/gone"}],
        },
    }
    report = await asker.good(json.dumps(config))
    assert [note["path"] for note in report["notes"]] == [
        "WebACLId",
        "DefaultCacheBehavior.CachePolicyId",
        "DefaultCacheBehavior.OriginRequestPolicyId",
        "DefaultCacheBehavior.FunctionAssociations.Items[0]",
        "DefaultCacheBehavior.TrustedKeyGroups",
        "ViewerCertificate",
    ]
    policy = {
        "CachePolicy": {"Id": "11111111-2222-3333-4444-555555555555", "CachePolicyConfig": {"Name": "own", "MinTTL": 5}}
    }
    config["CallerReference"] = "with its policy"
    report = await asker.good(json.dumps(config), json.dumps(policy))
    assert "DefaultCacheBehavior.CachePolicyId" not in [note["path"] for note in report["notes"]]
    made = asker.running.world.distributions[report["distributions"][0]["id"]]
    assert made.behaviors[-1].policy.ttls.minimum == 5


async def test_template_all_or_nothing(asker: Asker) -> None:
    text = (HERE / "template.yaml").read_text()
    await asker.good(json.dumps(printed()))  # whoever has the name already
    before = asker.records()
    status, data = await asker.post(
        documents=[{"text": text}], parameters={"Api": "api.test", "Names": "cli.harbour.test"}
    )
    assert status == 409
    assert data["error"]["code"] == "CNAMEAlreadyExists"
    assert "Nothing was imported" in data["error"]["message"]
    assert asker.records() == before
    report = await asker.good(text, parameters={"Api": "api.test"})
    made = asker.running.world.distributions[report["distributions"][0]["id"]]
    assert made.origins["files"].access is not None
    assert made.behaviors[-1].policy.ttls.default == 60
    assert [one["domain"] for one in report["unmapped"]] == ["bucket.s3.us-east-1.amazonaws.com", "api.test"]
    status, data = await asker.post(origins={"api.test": "http://127.0.0.1:1"})
    assert status == 201, data
    assert asker.running.world.distributions[made.id].origins["api"].address == "127.0.0.1"
    findings = (await asker.get("lint", id=made.id))["findings"]
    assert "no-root-object" in [one["rule"] for one in findings]


async def test_terraform(asker: Asker) -> None:
    text = (HERE / "plan.json").read_text().replace("www.harbour.test", "terraform.harbour.test")
    report = await asker.good(text)
    assert {one["family"] for one in report["made"]} == {
        "cache-policy",
        "certificate",
        "distribution",
        "function",
        "origin-access-control",
    }
    again = await asker.good(text)
    assert again["distributions"] == report["distributions"]


async def test_a_distribution_of_the_file_can_be_copied(asker: Asker) -> None:
    exported = await asker.get("export", id="harbour")
    assert exported["Origins"]["Items"][0]["CustomOriginConfig"]["HTTPSPort"] == 443
    copied = {**exported, "CallerReference": "copy", "Aliases": {"Quantity": 0}, "Comment": "a ${variable} stays"}
    report = await asker.good(json.dumps(copied))
    assert [note["path"] for note in report["notes"]] == ["ViewerCertificate"]  # a name of the file, not an ARN
    (made,) = report["distributions"]
    status, text = await asker.view(made["domain"])
    assert status == 200, text


async def test_exported_world_has_the_same_documents(asker: Asker, tmp_path: Path) -> None:
    async with asker.session.get(f"{asker.url}/_edgesim/export", params={"format": "yaml"}) as response:
        text = await response.text()
    checked = check_text(text, file=str(tmp_path / "world.yaml"))
    assert checked.errors == []
    copy = await RunningWorld.start(Options(checked.configure(system_time())))
    try:
        there, here = copy.world, asker.running.world
        assert {family: list(of) for family, of in there.records.items()} == {
            family: list(of) for family, of in here.records.items() if of
        }
        for family, records in there.records.items():
            for id, record in records.items():
                same = here.records[family][id]
                assert (record.config, record.facts, record.tags) == (same.config, same.facts, same.tags)
        assert there.distributions.keys() == here.distributions.keys()
        for id, one in there.distributions.items():
            assert one.behaviors == here.distributions[id].behaviors
            assert one.aliases == here.distributions[id].aliases
    finally:
        await copy.close()


async def test_functions_and_their_stores(asker: Asker) -> None:
    def function(name: str, arn: Any) -> dict[str, Any]:
        stores = [{"KeyValueStoreARN": arn}]
        config = {"Comment": "", "Runtime": "cloudfront-js-2.0", "KeyValueStoreAssociations": stores}
        code = "function handler(event) { return event.request; }"
        given = {"Name": name, "FunctionConfig": config, "FunctionCode": code, "AutoPublish": True}
        return {"Type": "AWS::CloudFront::Function", "Properties": given}

    store = {"Type": "AWS::CloudFront::KeyValueStore", "Properties": {"Name": "paths"}}
    known, gone = function("reads", {"Fn::GetAtt": ["Store", "Arn"]}), function("alone", "arn:aws:cloudfront::1:x/y")
    text = json.dumps({"Resources": {"Known": known, "Gone": gone, "Store": store}})
    report = await asker.good(text)
    assert [one["family"] for one in report["made"]] == ["key-value-store", "function", "function"]
    assert [note["path"] for note in report["notes"]] == [
        "Resources.Gone.Properties.FunctionConfig.KeyValueStoreAssociations"
    ]
    arn = asker.running.world.records["key-value-store"]["paths"].facts["arn"]
    assert arn in json.dumps(asker.running.world.records["function"]["reads"].config)
    again = await asker.good(text)
    assert len([note for note in again["notes"] if "is here already" in note["why"]]) == 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "nothing to import"),
        ({"documents": [{"name": "a.txt", "text": "hello"}]}, "a.txt: this is not what `aws cloudfront"),
        ({"origins": {"nobody": "http://127.0.0.1:1"}}, "no distribution has an origin 'nobody'"),
        ({"origins": {"site": "ftp://x"}}, "expected a URL"),
    ],
)
async def test_refused(asker: Asker, body: Any, words: str) -> None:
    before = asker.records()
    status, data = await asker.post(**body)
    assert status == 400
    assert words in data["error"]["message"]
    assert asker.records() == before
