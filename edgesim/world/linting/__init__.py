"""Settings that contradict one another, cost more than they need to, or show one visitor's pages to another.

Each rule has a name that stays, a severity and advice; ``BEHAVIOUR_RULES`` and ``DISTRIBUTION_RULES`` are the lists.
"""
