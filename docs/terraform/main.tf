# A WordPress site behind edgesim, by Terraform.
#
#   edgesim up configs/demo.yaml
#   terraform -chdir=docs/terraform init
#   terraform -chdir=docs/terraform apply -var control=http://127.0.0.1:8081
#
# The provider's credentials may be anything: edgesim does not check them.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

variable "control" {
  description = "edgesim's control port"
  type        = string
  default     = "http://127.0.0.1:8081"
}

variable "origin" {
  description = "The origin's name: the toy site of configs/demo.yaml, or one with an address in the world file"
  type        = string
  default     = "origin.harbour.test"
}

variable "alias" {
  description = "The site's name"
  type        = string
  default     = "blog.example.com"
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "any"
  secret_key                  = "any"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true

  endpoints {
    acm        = var.control
    cloudfront = var.control
    sts        = var.control
  }
}

resource "aws_acm_certificate" "site" {
  domain_name       = var.alias
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true # one that a distribution uses cannot be deleted
  }
}

module "wordpress" {
  source      = "./wordpress"
  origin      = var.origin
  aliases     = [var.alias]
  certificate = aws_acm_certificate.site.arn
}

output "domain_name" {
  description = "Ask the edges for this Host"
  value       = module.wordpress.domain_name
}

output "distribution_id" {
  value = module.wordpress.distribution_id
}
