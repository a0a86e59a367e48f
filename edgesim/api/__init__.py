"""The AWS APIs that drive a world: CloudFront's, and what goes with it of ACM and STS.

The wire layer (model, protocols, validation, dispatch) follows botocore's service models and knows no operation.
``families`` holds the operations, a module for each kind of thing; they speak in the models' member names.
"""
