// A site in S3 behind CloudFront, with what CDK users add to it. Prints its template.
const cdk = require('aws-cdk-lib');
const acm = require('aws-cdk-lib/aws-certificatemanager');
const cf = require('aws-cdk-lib/aws-cloudfront');
const origins = require('aws-cdk-lib/aws-cloudfront-origins');
const s3 = require('aws-cdk-lib/aws-s3');

const app = new cdk.App({ analyticsReporting: false });
const stack = new cdk.Stack(app, 'Site', { env: { account: '111122223333', region: 'us-east-1' } });
const bucket = new s3.Bucket(stack, 'Files');
const certificate = new acm.Certificate(stack, 'Certificate', { domainName: 'www.harbour.test' });
const pages = new cf.CachePolicy(stack, 'Pages', {
  defaultTtl: cdk.Duration.minutes(5),
  queryStringBehavior: cf.CacheQueryStringBehavior.allowList('page'),
  enableAcceptEncodingGzip: true,
});
const headers = new cf.ResponseHeadersPolicy(stack, 'Headers', {
  securityHeadersBehavior: {
    strictTransportSecurity: { accessControlMaxAge: cdk.Duration.days(365), override: true },
  },
  customHeadersBehavior: { customHeaders: [{ header: 'X-Site', value: 'harbour', override: false }] },
});
const rewrite = new cf.Function(stack, 'Rewrite', {
  code: cf.FunctionCode.fromInline('function handler(event) { return event.request; }'),
  runtime: cf.FunctionRuntime.JS_2_0,
});
new cf.Distribution(stack, 'Distribution', {
  domainNames: ['www.harbour.test'],
  certificate,
  defaultRootObject: 'index.html',
  defaultBehavior: {
    origin: origins.S3BucketOrigin.withOriginAccessControl(bucket),
    cachePolicy: cf.CachePolicy.CACHING_OPTIMIZED,
    responseHeadersPolicy: headers,
    viewerProtocolPolicy: cf.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
    functionAssociations: [{ function: rewrite, eventType: cf.FunctionEventType.VIEWER_REQUEST }],
  },
  additionalBehaviors: {
    '/api/*': {
      origin: new origins.HttpOrigin('api.harbour.test', { customHeaders: { 'X-From': 'edge' } }),
      cachePolicy: pages,
      allowedMethods: cf.AllowedMethods.ALLOW_ALL,
    },
  },
  errorResponses: [{ httpStatus: 404, responseHttpStatus: 200, responsePagePath: '/404.html', ttl: cdk.Duration.seconds(5) }],
  geoRestriction: cf.GeoRestriction.denylist('KP'),
});
console.log(JSON.stringify(app.synth().getStackByName('Site').template, null, 1));
