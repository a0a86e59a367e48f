"""CloudFront's documents and the data plane: a configuration to core values, and core values to a configuration.

Documents are in the service model's member names, with JSON values (spec §14).
"""
