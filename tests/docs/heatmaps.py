"""The picture in the README: the claimed and the measured gradient of a wrong layer, and their difference.

``python -m tests.docs.heatmaps`` draws it from a run of ``examples/classes``; a test draws it again and compares.
"""

from __future__ import annotations

import colorsys
from pathlib import Path
from typing import Any

import numpy as np

import cnngrad as cg
from cnngrad.core.arrays import Array
from examples.classes.layers import wrong

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "_static" / "wrong-kernel.svg"
CASE = "n=1 c=1 f=1 height=5 width=5 k=3 stride=1 values=integers seed=0"
CELL, GAP, TOP = 44, 28, 30


def picture() -> str:
    """The whole drawing, made now."""
    report = cg.check(wrong, case=CASE, raise_on_failure=False)
    table = report.gradients["W"]
    claimed, measured = np.squeeze(table.analytic), np.squeeze(table.numeric)
    maps = {"dW, claimed": claimed, "dW, measured": measured, "difference": claimed - measured}
    largest = max(float(np.abs(values).max()) for values in maps.values())
    side = len(claimed) * CELL
    width, height = len(maps) * (side + GAP) + GAP, TOP + side + GAP
    drawn = [_map(name, values, largest, GAP + k * (side + GAP)) for k, (name, values) in enumerate(maps.items())]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="monospace" font-size="14" text-anchor="middle" dominant-baseline="central">\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="#fff"/>\n' + "".join(drawn) + "</svg>\n"
    )


def _map(name: str, values: Array, largest: float, left: int) -> str:
    lines = [f'<text x="{left + len(values) * CELL / 2:g}" y="{TOP / 2:g}" font-weight="bold">{name}</text>\n']
    for (row, column), value in np.ndenumerate(values):
        x, y = left + column * CELL, TOP + row * CELL
        lines.append(f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="{_colour(value / largest)}"/>\n')
        lines.append(f'<text x="{x + CELL / 2:g}" y="{y + CELL / 2:g}">{value:g}</text>\n')
    return "".join(lines)


def _colour(share: Any) -> str:
    """From blue for -1 through white for 0 to orange for 1."""
    hue = 0.09 if share > 0 else 0.6
    rgb = colorsys.hls_to_rgb(hue, 1 - 0.4 * abs(float(share)), 0.85)
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
