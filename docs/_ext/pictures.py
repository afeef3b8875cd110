"""Pictures of where the numbers go, drawn from the layers themselves.

What an output takes from an input is read off the backward: with ``dy`` 1 at one output and 0 elsewhere, ``dx`` is that
output's row of the matrix of connections. No picture knows a formula.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import numpy as np

from cnngrad import layers
from cnngrad.core.arrays import Array
from cnngrad.core.layer import Vjp
from cnngrad.explain import POOLED_MAP

CELL, GAP, TOP = 48, 70, 26
LETTERS = "abcdefghijklmnop"


@dataclass(frozen=True)
class Grid:
    """A map of cells: its name, what stands in each of them, and which are marked as chosen or as met."""

    name: str
    texts: Array
    chosen: Array
    met: Array

    @property
    def size(self) -> tuple[int, int]:
        rows, columns = self.texts.shape
        return columns * CELL, TOP + rows * CELL


def connections(vjp: Vjp, x: Array) -> tuple[Array, Array]:
    """The output at ``x`` and the matrix of its derivatives: a row an output entry, a column an entry of ``x``."""
    y, backward = vjp(x)
    rows = [np.ravel(backward(unit.reshape(np.shape(y)))[0]) for unit in np.eye(np.size(y))]
    return np.asarray(y), np.array(rows)


def windows(vjp: Vjp, x: Array, output: int, source: int, names: tuple[str, str] = ("x", "y")) -> str:
    """Two pairs of maps: what one output reads, and what one input's gradient sums, each with its weights."""
    y, matrix = connections(vjp, x)
    read, summed = matrix[output].reshape(x.shape), matrix[:, source].reshape(y.shape)
    into, out = names
    return svg(
        [
            (_weights(into, read), _one(out, y.shape, output)),
            (_one(f"d{into}", x.shape, source), _weights(f"d{out}", summed)),
        ]
    )


def routes(vjp: Vjp, x: Array) -> str:
    """Two pairs of maps: the values forward, and backward the letters of ``dy`` where they arrive."""
    y, matrix = connections(vjp, x)
    letters = np.array(list(LETTERS[: y.size])).reshape(y.shape)
    arrived = np.array([_sum(column) for column in matrix.T]).reshape(x.shape)
    return svg(
        [
            (_plain("x", np.vectorize(_short)(x)), _plain("y", np.vectorize(_short)(y))),
            (_marked("dx", arrived), _plain("dy", letters)),
        ]
    )


def curve(vjp: Vjp, low: float = -4.0, high: float = 4.0) -> str:
    """A function of one number, and dashed its derivative: the backward for ``dy = 1``."""
    x = np.linspace(low, high, 201)
    y, backward = vjp(x)
    lines = {"curve": np.asarray(y), "slope": np.asarray(backward(np.ones(x.size))[0])}
    bottom, top = min(-0.1, *map(np.min, lines.values())), max(map(np.max, lines.values()))
    width, height = 360, 200

    def place(a: float, b: float) -> str:
        return f"{(a - low) / (high - low) * width:.1f},{10 + (top - b) / (top - bottom) * height:.1f}"

    drawn = [
        f'<path class="{name}" d="M{" L".join(place(a, b) for a, b in zip(x, values, strict=True))}"/>'
        for name, values in lines.items()
    ]
    axes = f'<path class="axis" d="M{place(low, 0)} L{place(high, 0)} M{place(0, bottom)} L{place(0, top)}"/>'
    return _frame(width, height + 20, axes + "".join(drawn))


def svg(pairs: list[tuple[Grid, Grid]]) -> str:
    """Each pair on a line: the left map, an arrow in the direction of the data, the right map."""
    parts, down, wide = [], 0, 0
    for number, (left, right) in enumerate(pairs):
        height = max(left.size[1], right.size[1])
        start, end = left.size[0] + 12, left.size[0] + GAP - 12
        middle = down + (TOP + height) // 2
        tip, back = (end, -8) if number == 0 else (start, 8)
        arrow = (
            f"M{start},{middle} L{end},{middle} M{tip + back},{middle - 5} L{tip},{middle} L{tip + back},{middle + 5}"
        )
        parts += [_grid(left, 0, down), f'<path class="arrow" d="{arrow}"/>', _grid(right, left.size[0] + GAP, down)]
        wide, down = max(wide, left.size[0] + GAP + right.size[0]), down + height + 12
    return _frame(wide, down, "".join(parts))


def _frame(width: int, height: int, body: str) -> str:
    box = f'width="{width + 4}" height="{height + 4}" viewBox="-2 -2 {width + 4} {height + 4}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {box}>{body}</svg>'


def _grid(grid: Grid, left: int, top: int) -> str:
    name = f'<text class="name" x="{left + grid.size[0] / 2}" y="{top + TOP / 2}">{escape(grid.name)}</text>'
    cells = [name]
    for (row, column), text in np.ndenumerate(grid.texts):
        kind = "chosen" if grid.chosen[row, column] else "met" if grid.met[row, column] else "cell"
        x, y = left + column * CELL, top + TOP + row * CELL
        cells.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{CELL}" height="{CELL}"/>')
        cells.append(f'<text x="{x + CELL / 2}" y="{y + CELL / 2}">{escape(str(text))}</text>' if text else "")
    return "".join(cells)


def _map(array: Array) -> Array:
    """The last two axes of an array whose others have length 1."""
    return np.atleast_2d(np.squeeze(array))


def _weights(name: str, weights: Array) -> Grid:
    return _marked(name, np.where(weights == 0, "", np.vectorize(_short)(weights)))


def _marked(name: str, texts: Array) -> Grid:
    texts = _map(texts)
    return Grid(name, texts, np.zeros(texts.shape, bool), texts != "")


def _plain(name: str, texts: Array) -> Grid:
    texts = _map(texts)
    return Grid(name, texts, np.zeros(texts.shape, bool), np.zeros(texts.shape, bool))


def _one(name: str, shape: tuple[int, ...], index: int) -> Grid:
    chosen = np.zeros(int(np.prod(shape)), bool)
    chosen[index] = True
    chosen = _map(chosen.reshape(shape))
    return Grid(name, np.full(chosen.shape, ""), chosen, np.zeros(chosen.shape, bool))


def _sum(coefficients: Array) -> str:
    """Letters with what they are multiplied by: ``a/4``, ``0.6b``, ``a+b``; nothing where nothing arrives."""
    terms = [_term(value, LETTERS[k]) for k, value in enumerate(coefficients) if value]
    return "+".join(terms).replace("+-", "-")


def _term(value: float, letter: str) -> str:
    if abs(value) == 1:
        return letter if value > 0 else f"-{letter}"
    parts = 1 / value
    return f"{letter}/{parts:g}" if 1 < parts == round(parts) else f"{value:.2g}{letter}"


def _short(value: float) -> str:
    return f"{round(float(value), 2):g}"


def _of_x(vjp: Vjp, *rest: Array, **config: object) -> Vjp:
    """The layer as a function of ``x`` alone."""
    return lambda x: vjp(x, *rest, **config)


def _kernel(side: int) -> Array:
    """1, 2, 3 ... in reading order, so that a rotation is seen."""
    return np.arange(1.0, side * side + 1).reshape(1, 1, side, side)


MAP = np.arange(1.0, 17.0).reshape(1, 1, 4, 4)
WIDE = np.arange(1.0, 26.0).reshape(1, 1, 5, 5)
BIAS = np.zeros(1)
SCORES = np.array([[0.0, 1.0, -1.0]])

# What is drawn on the page of a layer; a layer without numbers that move has none.
PICTURES: dict[str, Callable[[], str]] = {
    "conv": lambda: windows(_of_x(layers.conv_vjp, _kernel(2), BIAS), MAP, 4, 5),
    "conv_stride": lambda: windows(_of_x(layers.conv_vjp, _kernel(3), BIAS, stride=2), WIDE, 0, 12),
    "true_conv": lambda: windows(_of_x(layers.true_conv_vjp, _kernel(2), BIAS), MAP, 4, 5),
    "relu_conv": lambda: windows(_of_x(layers.relu_conv_vjp, _kernel(2), BIAS - 60), MAP, 4, 5),
    "sigmoid_conv": lambda: windows(_of_x(layers.sigmoid_conv_vjp, _kernel(2), BIAS), MAP / 80 - 0.1, 4, 5),
    "channels_last_conv": lambda: windows(
        _of_x(layers.channels_last_conv_vjp, np.moveaxis(_kernel(2), 1, -1), BIAS), np.moveaxis(MAP, 1, -1), 4, 5
    ),
    "dense": lambda: windows(_of_x(layers.dense_vjp, np.arange(1.0, 7.0).reshape(2, 3), np.zeros(2)), SCORES, 0, 1),
    "softmax": lambda: windows(layers.softmax_vjp, SCORES, 1, 0, ("z", "p")),
    "batch_norm": lambda: windows(
        _of_x(layers.batch_norm_vjp, np.ones(1), BIAS), np.array([[1.0], [2.0], [4.0], [8.0]]), 0, 3
    ),
    "mean_pool": lambda: routes(_of_x(layers.mean_pool_vjp, window=2), POOLED_MAP),
    "max_pool": lambda: routes(_of_x(layers.max_pool_vjp, window=2), POOLED_MAP),
    "max_pool_overlap": lambda: routes(_of_x(layers.max_pool_vjp, window=2, stride=1), POOLED_MAP[..., :3, :]),
    "p_norm_pool": lambda: routes(
        _of_x(layers.p_norm_pool_vjp, window=2), np.array([[[[3.0, 0.0, 6.0, 8.0], [-4.0, 0.0, 0.0, 0.0]]]])
    ),
    "subsample": lambda: routes(_of_x(layers.subsample_vjp, 2 * np.ones(1), BIAS, window=2), POOLED_MAP),
    "flatten": lambda: routes(layers.flatten_vjp, np.arange(1.0, 7.0).reshape(1, 1, 2, 3)),
    "relu": lambda: curve(layers.relu_vjp),
    "sigmoid": lambda: curve(layers.sigmoid_vjp),
    "tanh": lambda: curve(layers.tanh_vjp),
    "identity": lambda: curve(layers.identity_vjp),
}
