"""Bars as an SVG picture that is readable on light and dark pages. Pure: numbers and words in, text out."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH = 760
MARGIN = 16
LABEL_WIDTH = 330
VALUE_WIDTH = 130
BAR_HEIGHT = 16
ROW_HEIGHT = 26
HEAD_HEIGHT = 34
GAP = 14

STYLE = """\
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
.head { font-weight: 600; }
.value { font-variant-numeric: tabular-nums; }
.bar { fill: #9aa4af; }
.ours { fill: #1a7f4b; }
.track { fill: #1f2328; fill-opacity: 0.07; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .bar { fill: #7d8793; }
  .ours { fill: #3fb97a; }
  .track { fill: #e6edf3; fill-opacity: 0.1; }
}"""


class Bar(NamedTuple):
    label: str
    value: float  # not negative
    text: str  # the value, as it is shown
    is_ours: bool = False


class Group(NamedTuple):
    """Bars of one scale."""

    title: str
    bars: Sequence[Bar]


def bars(title: str, groups: Sequence[Group]) -> str:
    """`title` is what a screen reader says; each group is drawn under its own."""
    parts: list[str] = []
    top = MARGIN
    for group in groups:
        parts.append(f'<text class="head" x="{MARGIN}" y="{top + 14}">{escape(group.title)}</text>')
        top += HEAD_HEIGHT - 8
        longest = max((bar.value for bar in group.bars), default=0.0)
        for bar in group.bars:
            parts += _row(bar, top, longest)
            top += ROW_HEIGHT
        top += GAP
    height = top - GAP + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
            f' height="{height}" role="img" aria-label="{escape(title)}">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{STYLE}\n</style>",
            *parts,
            "</svg>\n",
        ]
    )


def _row(bar: Bar, top: int, longest: float) -> list[str]:
    left = MARGIN + LABEL_WIDTH
    room = WIDTH - left - VALUE_WIDTH - MARGIN
    length = room * bar.value / longest if longest else 0.0
    middle = top + BAR_HEIGHT - 3
    kind = "ours" if bar.is_ours else "bar"
    return [
        f'<text x="{MARGIN}" y="{middle}">{escape(bar.label)}</text>',
        f'<rect class="track" x="{left}" y="{top}" width="{room}" height="{BAR_HEIGHT}" rx="3"/>',
        f'<rect class="{kind}" x="{left}" y="{top}" width="{max(length, 2):.1f}"'
        f' height="{BAR_HEIGHT}" rx="3"/>',
        f'<text class="value" x="{left + room + 10}" y="{middle}">{escape(bar.text)}</text>',
    ]
