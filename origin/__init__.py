"""An independent witness for a CDN: a toy WordPress-shaped site behind a toy load balancer of its own.

It imports nothing of the CDN it testifies about. Start it with ``python -m origin --help``.
"""
