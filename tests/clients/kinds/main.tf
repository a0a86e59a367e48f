# Every kind of document beside distributions, with a member of each that `v` changes.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "control" {}

variable "v" {
  default = "one"
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "any"
  secret_key                  = "any"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true

  endpoints {
    cloudfront = var.control
    sts        = var.control
  }
}

resource "aws_cloudfront_cache_policy" "a" {
  name    = "tf-a"
  comment = var.v
  min_ttl = 1
  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true
    cookies_config {
      cookie_behavior = "whitelist"
      cookies {
        items = ["session"]
      }
    }
    headers_config {
      header_behavior = "whitelist"
      headers {
        items = ["Accept-Language"]
      }
    }
    query_strings_config {
      query_string_behavior = "all"
    }
  }
}

resource "aws_cloudfront_origin_request_policy" "a" {
  name = "tf-a"
  cookies_config {
    cookie_behavior = "none"
  }
  headers_config {
    header_behavior = "allViewerAndWhitelistCloudFront"
    headers {
      items = ["CloudFront-Viewer-Address"]
    }
  }
  query_strings_config {
    query_string_behavior = "none"
  }
}

resource "aws_cloudfront_response_headers_policy" "a" {
  name    = "tf-a"
  comment = var.v
  cors_config {
    access_control_allow_credentials = true
    access_control_allow_headers {
      items = ["test"]
    }
    access_control_allow_methods {
      items = ["GET"]
    }
    access_control_allow_origins {
      items = ["test.example.comtest"]
    }
    origin_override = true
  }
  custom_headers_config {
    items {
      header   = "X-Permitted-Cross-Domain-Policies"
      override = true
      value    = "none"
    }
  }
  remove_headers_config {
    items {
      header = "X-Powered-By"
    }
  }
  security_headers_config {
    content_type_options {
      override = true
    }
    xss_protection {
      mode_block = true
      override   = true
      protection = true
    }
    strict_transport_security {
      access_control_max_age_sec = 600
      override                   = true
      preload                    = true
    }
  }
  server_timing_headers_config {
    enabled       = true
    sampling_rate = 50
  }
}

resource "aws_cloudfront_origin_access_control" "a" {
  name                              = "tf-a"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_origin_access_identity" "a" {
  comment = var.v
}

resource "aws_cloudfront_origin_access_identity" "b" {}

resource "aws_cloudfront_public_key" "a" {
  comment     = var.v
  encoded_key = file("key.pem")
  name        = "tf-a"
}

resource "aws_cloudfront_key_group" "a" {
  items = [aws_cloudfront_public_key.a.id]
  name  = "tf-${var.v}"
}

resource "aws_cloudfront_field_level_encryption_profile" "a" {
  comment = var.v
  name    = "tf-a"
  encryption_entities {
    items {
      public_key_id = aws_cloudfront_public_key.a.id
      provider_id   = "p"
      field_patterns {
        items = ["DateOfBirth"]
      }
    }
  }
}

resource "aws_cloudfront_field_level_encryption_config" "a" {
  comment = var.v
  content_type_profile_config {
    forward_when_content_type_is_unknown = true
    content_type_profiles {
      items {
        content_type = "application/x-www-form-urlencoded"
        format       = "URLEncoded"
      }
    }
  }
  query_arg_profile_config {
    forward_when_query_arg_profile_is_unknown = true
    query_arg_profiles {
      items {
        profile_id = aws_cloudfront_field_level_encryption_profile.a.id
        query_arg  = "Arg1"
      }
    }
  }
}

resource "aws_cloudfront_key_value_store" "a" {
  name    = "tf-a"
  comment = var.v
}

resource "aws_cloudfront_function" "a" {
  name                         = "tf-a"
  runtime                      = "cloudfront-js-2.0"
  publish                      = true
  code                         = "function handler(event) { return event.request; } // ${var.v}"
  key_value_store_associations = [aws_cloudfront_key_value_store.a.arn]
}

resource "aws_cloudfront_realtime_log_config" "a" {
  name          = "tf-a"
  sampling_rate = var.v == "one" ? 75 : 50
  fields        = ["timestamp", "c-ip"]
  endpoint {
    stream_type = "Kinesis"
    kinesis_stream_config {
      role_arn   = "arn:aws:iam::123456789012:role/x"
      stream_arn = "arn:aws:kinesis:us-east-1:123456789012:stream/x"
    }
  }
}

data "aws_cloudfront_cache_policy" "m" {
  name = "Managed-CachingOptimized"
}

data "aws_cloudfront_origin_request_policy" "m" {
  name = "Managed-AllViewer"
}

data "aws_cloudfront_response_headers_policy" "m" {
  name = "Managed-SimpleCORS"
}

resource "aws_cloudfront_distribution" "d" {
  enabled             = true
  wait_for_deployment = false
  origin {
    domain_name = "origin.harbour.test"
    origin_id   = "o"
    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }
  default_cache_behavior {
    target_origin_id           = "o"
    viewer_protocol_policy     = "allow-all"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    cache_policy_id            = aws_cloudfront_cache_policy.a.id
    origin_request_policy_id   = aws_cloudfront_origin_request_policy.a.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.a.id
    realtime_log_config_arn    = aws_cloudfront_realtime_log_config.a.arn
    trusted_key_groups         = [aws_cloudfront_key_group.a.id]
    field_level_encryption_id  = ""
    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.a.arn
    }
  }
  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }
  viewer_certificate {
    cloudfront_default_certificate = true
  }
}

resource "aws_cloudfront_monitoring_subscription" "a" {
  distribution_id = aws_cloudfront_distribution.d.id
  monitoring_subscription {
    realtime_metrics_subscription_config {
      realtime_metrics_subscription_status = "Enabled"
    }
  }
}
