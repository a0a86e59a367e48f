"""Distributions from elsewhere: what the AWS CLI prints, CloudFormation templates, Terraform's JSON.

``reading`` makes a plan of a text: resources in the API's own shapes, with references between them. ``carrying`` makes
them in the running world through the operations of the API. ``exporting`` goes the other way.
"""
