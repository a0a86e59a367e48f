"""TLS: the local certificate authority, the ACM-like store, security policies, viewer and origin connections.

Nothing here reads a clock: every judgement about dates takes ``now``, epoch seconds of the simulated clock.
"""
