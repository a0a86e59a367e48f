// The life of a distribution with the AWS SDK for JavaScript, against a running edgesim.
// node walk.mjs CONTROL_URL ORIGIN_DOMAIN: prints one JSON object of what each step gave.
import {
  CloudFrontClient,
  CreateDistributionCommand,
  CreateInvalidationCommand,
  DeleteDistributionCommand,
  GetDistributionCommand,
  GetDistributionConfigCommand,
  ListCachePoliciesCommand,
  UpdateDistributionCommand,
  paginateListDistributions,
  waitUntilDistributionDeployed,
  waitUntilInvalidationCompleted,
} from "@aws-sdk/client-cloudfront";

const [endpoint, domain] = process.argv.slice(2);
const client = new CloudFrontClient({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "any", secretAccessKey: "any" },
  maxAttempts: 1,
});
const seen = {};

const config = {
  CallerReference: "from node",
  Comment: "made by the SDK for JavaScript",
  Enabled: true,
  Origins: {
    Quantity: 1,
    Items: [
      {
        Id: "site",
        DomainName: domain,
        CustomOriginConfig: { HTTPPort: 80, HTTPSPort: 443, OriginProtocolPolicy: "http-only" },
      },
    ],
  },
  DefaultCacheBehavior: {
    TargetOriginId: "site",
    ViewerProtocolPolicy: "allow-all",
    CachePolicyId: "658327ea-f89d-4fab-a63d-7e88639e58f6",
  },
};
const made = await client.send(new CreateDistributionCommand({ DistributionConfig: config }));
const { Id } = made.Distribution;
seen.status = made.Distribution.Status;
seen.domain = made.Distribution.DomainName;
const waited = await waitUntilDistributionDeployed({ client, minDelay: 1, maxDelay: 2, maxWaitTime: 30 }, { Id });
seen.waited = waited.state;

const invalidation = await client.send(
  new CreateInvalidationCommand({
    DistributionId: Id,
    InvalidationBatch: { CallerReference: "one", Paths: { Quantity: 1, Items: ["/*"] } },
  }),
);
const done = await waitUntilInvalidationCompleted(
  { client, minDelay: 1, maxDelay: 2, maxWaitTime: 30 },
  { DistributionId: Id, Id: invalidation.Invalidation.Id },
);
seen.invalidated = done.state;

seen.listed = false;
for await (const page of paginateListDistributions({ client, pageSize: 1 }, {})) {
  seen.listed ||= (page.DistributionList.Items ?? []).some((item) => item.Id === Id);
}
const policies = await client.send(new ListCachePoliciesCommand({ Type: "managed" }));
seen.managed = policies.CachePolicyList.Items.map((item) => item.CachePolicy.CachePolicyConfig.Name);

const got = await client.send(new GetDistributionConfigCommand({ Id }));
try {
  await client.send(new DeleteDistributionCommand({ Id, IfMatch: got.ETag }));
} catch (error) {
  seen.refused = [error.name, error.$metadata.httpStatusCode];
}
await client.send(
  new UpdateDistributionCommand({
    Id,
    IfMatch: got.ETag,
    DistributionConfig: { ...got.DistributionConfig, Enabled: false },
  }),
);
await waitUntilDistributionDeployed({ client, minDelay: 1, maxDelay: 2, maxWaitTime: 30 }, { Id });
const last = await client.send(new GetDistributionCommand({ Id }));
await client.send(new DeleteDistributionCommand({ Id, IfMatch: last.ETag }));
try {
  await client.send(new GetDistributionCommand({ Id }));
} catch (error) {
  seen.gone = [error.name, error.$metadata.httpStatusCode];
}
console.log(JSON.stringify(seen));
