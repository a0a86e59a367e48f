// A site as aws-cdk-lib writes it; node cdk_app.mjs DIRECTORY synthesises its template there.
import { App, Duration, Stack } from "aws-cdk-lib";
import * as cloudfront from "aws-cdk-lib/aws-cloudfront";
import * as origins from "aws-cdk-lib/aws-cloudfront-origins";

const app = new App({ outdir: process.argv[2], analyticsReporting: false });
const stack = new Stack(app, "Site", { env: { account: "123456789012", region: "us-east-1" } });
const origin = new origins.HttpOrigin("origin.harbour.test", {
  protocolPolicy: cloudfront.OriginProtocolPolicy.HTTP_ONLY,
  customHeaders: { "X-From": "cdk" },
});
const pages = new cloudfront.CachePolicy(stack, "Pages", {
  cachePolicyName: "cdk-pages",
  minTtl: Duration.seconds(0),
  defaultTtl: Duration.minutes(1),
  maxTtl: Duration.days(1),
  cookieBehavior: cloudfront.CacheCookieBehavior.allowList("wordpress_logged_in"),
  queryStringBehavior: cloudfront.CacheQueryStringBehavior.all(),
  enableAcceptEncodingGzip: true,
});
const headers = new cloudfront.ResponseHeadersPolicy(stack, "Security", {
  responseHeadersPolicyName: "cdk-security",
  securityHeadersBehavior: {
    contentTypeOptions: { override: true },
    strictTransportSecurity: { accessControlMaxAge: Duration.days(365), includeSubdomains: true, override: true },
  },
});
new cloudfront.Distribution(stack, "Distribution", {
  comment: "made by the CDK",
  defaultBehavior: {
    origin,
    cachePolicy: pages,
    responseHeadersPolicy: headers,
    viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.ALLOW_ALL,
    allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
  },
  additionalBehaviors: {
    "/wp-content/*": { origin, cachePolicy: cloudfront.CachePolicy.CACHING_OPTIMIZED, compress: true },
    "/wp-login.php": { origin, cachePolicy: cloudfront.CachePolicy.CACHING_DISABLED },
  },
  errorResponses: [{ httpStatus: 503, ttl: Duration.seconds(5) }],
  priceClass: cloudfront.PriceClass.PRICE_CLASS_100,
});
app.synth();
