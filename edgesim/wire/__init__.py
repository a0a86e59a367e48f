"""HTTP/1.x on the wire, both directions: ``listener`` for viewers, ``client`` for origins, ``duplex`` for upgrades.

Knows bytes, framing, limits and time; knows nothing of caching, distributions or certificates.
"""
