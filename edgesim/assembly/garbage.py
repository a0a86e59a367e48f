"""How often Python looks for garbage in cycles.

A look at everything costs time in proportion to what is alive, and every viewer waits meanwhile. With 2,000 viewers
asking all the time it took 60 ms every 1.5 s, most of it for what never goes away: modules, the gazetteer, the World.
What is there at the start is therefore left out (``gc.freeze``), and young objects are looked at 7 times less often,
as records of hits come by the thousand, in no cycles, and stay until newer ones push them out. Cycles are still found.
"""

from __future__ import annotations

import gc

YOUNG = 5_000
"""New objects between two looks at the youngest (Python's own is 700)."""


def settle() -> None:
    """Everything is loaded and started: what is alive now stays until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
