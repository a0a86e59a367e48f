"""Puts the pieces together: a whole world running in one process."""
