"""A picture of the run: each target's measured value as a share of what it may be. Plain SVG."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from statistics import median

from bench.results import Result, figure

_WIDTH, _LEFT, _ROW, _UNIT = 900, 380, 26, 220
_MOST = 2.0


def svg(results: Iterable[Result], title: str) -> str:
    """Bars up to twice the target; the line is the target; thin lines from the least to the most."""
    bars: list[str] = []
    at = 50
    for result in results:
        for target in result.targets:
            found = [value / target.most for value in result.measured(target)]
            label = f"{result.name}: {target.text(result.unit)}"
            bars.append(_text(_LEFT - 10, at + 15, label, "end"))
            if not found:
                bars.append(_text(_LEFT + 6, at + 15, "not measured"))
            else:
                bars += _bar(at, found, figure(median(result.measured(target))), bool(result.met(target)))
            at += _ROW
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{at + 20}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
    )
    line = f'<line x1="{_LEFT + _UNIT}" x2="{_LEFT + _UNIT}" y1="40" y2="{at}" stroke="black" stroke-dasharray="4 3"/>'
    captions = [_text(10, 20, title), _text(_LEFT + _UNIT, 36, "target", "middle")]
    return "\n".join([head, *captions, *bars, line, "</svg>", ""])


def _bar(at: int, shares: list[float], value: str, met: bool) -> list[str]:
    width = _UNIT * min(_MOST, median(shares))
    low, high = (_LEFT + _UNIT * min(_MOST, share) for share in (min(shares), max(shares)))
    colour = "#4c956c" if met else "#d1495b"
    return [
        f'<rect x="{_LEFT}" y="{at}" width="{width:.1f}" height="20" fill="{colour}"/>',
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{at + 10}" y2="{at + 10}" stroke="black"/>',
        _text(_LEFT + _UNIT * _MOST + 8, at + 15, value),
    ]


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'
