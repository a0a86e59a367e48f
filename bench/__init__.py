"""What edgesim costs beside nginx and Varnish, measured in one interleaved run (docs/performance.md).

``python -m bench`` or ``make bench``. Everything listens and aims at loopback only, for bounded times.
"""
