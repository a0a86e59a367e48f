"""The diagram of a request's life at one cache, drawn from the core's own table of steps.

``python -m edgesim.observe.life`` prints it; docs/life-of-a-request.md holds it, and a test keeps the two equal.
"""

from __future__ import annotations

from edgesim.core.steps import FIRST, LIFE


def diagram() -> str:
    """The table of steps and events as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    lines += [f"    [*] --> {step.__name__}" for step in FIRST]
    for step, events in LIFE.items():
        for event, after in events.items():
            lines += [f"    {step.__name__} --> {following.__name__}: {event.__name__}" for following in after]
        if not events:
            lines.append(f"    {step.__name__} --> [*]")
    return "\n".join(lines)


if __name__ == "__main__":
    print(diagram())
