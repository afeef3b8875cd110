"""A reference derivation with numbers: forward, dy, backward and finite differences side by side.

Nothing here is stored but sizes and, for pooling, the source text's own example: the layer computes its side, the
differences the other. The formula is the docstring of the layer's file.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.case import Case, Point
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.differentiation import Estimate, numerical_vjp
from cnngrad.layers import ALL
from cnngrad.oracles import oracles_for
from cnngrad.oracles.identities import IDENTITIES

# A dim takes the size it has here, as far as its range goes; one that is not named takes its lowest.
SIZES = {
    **{"rank": 2, "height": 4, "width": 4, "kh": 2, "kw": 2, "window": 2, "p2": 4, "row_fastest": 1},
    **{"features": 3, "outputs": 2, "classes": 3, "rows": 2, "columns": 3, "quarters": 2, "count_padding": 1},
}
# What one layer has instead: windows that touch, several samples where a batch is averaged, fewer numbers.
OWN_SIZES = {
    "mean_pool": {"stride_w": 2, "stride_rest": 2},
    "max_pool": {"stride_w": 2, "stride_rest": 2},
    "p_norm_pool": {"height": 2, "stride_w": 2, "stride_rest": 2},
    "subsample": {"height": 1, "width": 2},
    "sigmoid_conv": {"height": 3, "width": 3},
    "channels_last_conv": {"rank": 1, "c": 2},
    "dense": {"n": 2},
    "softmax_cross_entropy": {"n": 2},
    "half_squared_error": {"n": 2},
    "batch_norm": {"rank": 0, "n": 4},
}
# Whole numbers are the easiest to follow, but a sigmoid of them is flat.
VALUES = {"sigmoid_conv": "lattice"}
# Seed 004's worked example: pooled deltas over a 4 x 4 map, the maxima in the corners of the windows that it says.
POOLED_MAP = np.array([[[[1, 2, 4, 9], [3, 8, 5, 6], [7, 2, 3, 1], [4, 5, 6, 2]]]], dtype=np.float64)
POOLED_DELTAS = np.array([[[[1, 3], [2, 4]]]], dtype=np.float64)
WORKED = {"mean_pool": (POOLED_MAP, POOLED_DELTAS), "max_pool": (POOLED_MAP, POOLED_DELTAS)}


@dataclass(frozen=True, eq=False)
class Explanation:
    """A derivation at one tiny point; ``str`` shows all of it.

    Attributes:
        layer: the reference layer.
        derivation: the formulas and their source, from the layer's file.
        config: the keywords the layer was called with.
        inputs: each input's numbers by its name.
        y, dy: the output and the cotangent.
        gradients: what the backward gives, by input; constants are left out.
        differences: the same by finite differences, each with its error bound.
    """

    layer: Layer
    derivation: str
    config: Mapping[str, Any]
    inputs: Mapping[str, Array]
    y: Array
    dy: Array
    gradients: Mapping[str, Array]
    differences: Mapping[str, Estimate]

    @property
    def agrees(self) -> bool:
        """Whether every gradient lies within the bound of its differences."""
        return all(
            bool(np.all(np.abs(gradient - self.differences[name].value) <= self.differences[name].bound))
            for name, gradient in self.gradients.items()
        )

    def numbers(self) -> str:
        """Forward, dy, backward and differences, side by side."""
        called = ", ".join([*self.inputs, *(f"{name}={value!r}" for name, value in self.config.items())])
        constants = {name: self.inputs[name] for name in self.layer.constants}
        out = "y" if np.ndim(self.y) else "E"
        forward = beside({out: self.y, f"d{out}": self.dy, **constants})
        blocks = [f"{out}, backward = {self.layer.name}({called})", forward]
        for name, gradient in self.gradients.items():
            found = self.differences[name]
            columns = {name: self.inputs[name], f"d{name}, backward": gradient, f"d{name}, differences": found.value}
            gap = float(np.max(np.abs(gradient - found.value), initial=0.0))
            blocks.append(
                f"{beside(columns)}\n\n  largest gap {gap:.2g}, error bound {np.max(found.bound, initial=0.0):.2g} "
                f"({found.how})"
            )
        return "\n\n".join(blocks)

    def held_by(self) -> list[str]:
        """The independent answers and the identities that hold this derivation, beside the checks of every layer."""
        name = self.layer.name
        oracles = [f"oracle: {oracle.name}" for oracle in oracles_for(name)]
        return oracles + [f"identity: {each.name} ({each.source})" for each in IDENTITIES if name in each.layers]

    def __str__(self) -> str:
        held = "\n".join(f"  {line}" for line in ["differences, at every declared configuration", *self.held_by()])
        return f"{self.layer.name}\n\n{self.derivation}\n\n{self.numbers()}\n\nheld by\n{held}"


def explain(name: str) -> Explanation:
    """One reference derivation at a tiny point, computed now.

    Raises:
        UsageError: there is no such layer; the nearest names are given.

    >>> explain("relu").gradients["x"].shape
    (1, 4)
    >>> print(explain("max_pool").numbers())  # doctest: +ELLIPSIS
    y, backward = max_pool(x, window=(2, 2), stride=(2, 2), pad=0)
    <BLANKLINE>
    y    dy
    8 9  1 3
    7 6  2 4
    <BLANKLINE>
    x        dx, backward  dx, differences
    1 2 4 9  0 0 0 3       0 0 0 3
    3 8 5 6  0 1 0 0       0 1 0 0
    7 2 3 1  2 0 0 0       2 0 0 0
    4 5 6 2  0 0 4 0       0 0 4 0
    <BLANKLINE>
      largest gap 0, error bound ...
    """
    layer = _named(name)
    point = _point(layer)
    inputs = dict(zip(layer.inputs, point.inputs, strict=True))
    dy: Any = None
    if name in WORKED:
        inputs["x"], dy = WORKED[name]
    y, backward = layer.vjp(*inputs.values(), **point.config)
    dy = point.cotangent(np.size(y)).reshape(np.shape(y)) if dy is None else dy
    given = dict(zip(layer.inputs, backward(dy[()]), strict=True))
    gradients = {name: np.asarray(given[name]) for name in layer.differentiable}

    def difference(name: str) -> Estimate:
        """Of one input alone, so that each says how it was got."""

        def forward(value: Array) -> Any:
            return layer.vjp(*{**inputs, name: value}.values(), **point.config)[0]

        return numerical_vjp(forward, inputs[name], dy=dy[()])[0]

    differences = {name: difference(name) for name in layer.differentiable}
    derivation = (inspect.getdoc(inspect.getmodule(layer.vjp)) or "").strip()
    return Explanation(layer, derivation, point.config, inputs, np.asarray(y), dy, gradients, differences)


def _named(name: str) -> Layer:
    layers = {layer.name: layer for layer in ALL}
    if name not in layers:
        near = difflib.get_close_matches(name, layers, n=3, cutoff=0.4)
        guess = f"did you mean {' or '.join(near)}? " if near else ""
        raise UsageError(f"there is no reference layer {name!r}; {guess}All of them: {', '.join(layers)}")
    return layers[name]


def _point(layer: Layer) -> Point:
    wanted = SIZES | OWN_SIZES.get(layer.name, {})
    dims = {dim: min(max(wanted.get(dim, low), low), high) for dim, (low, high) in (layer.dims or {}).items()}
    return Case(tuple(dims.items()), values=VALUES.get(layer.name, "integers")).point(layer)


def beside(columns: Mapping[str, Array]) -> str:
    """Arrays as columns under their names; axes of length 1 in front are left out, more than two are stacked.

    >>> print(beside({"x": np.eye(2), "b": np.array(0.5)}))
    x    b
    1 0  0.5
    0 1
    """
    blocks = [[name, *_rows(np.asarray(array))] for name, array in columns.items()]
    widths = [max(map(len, block)) for block in blocks]
    lines = zip_longest(*blocks, fillvalue="")
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _rows(array: Array) -> list[str]:
    while array.ndim > 1 and len(array) == 1:
        array = array[0]
    if array.ndim > 2:
        maps = [_rows(part) for part in array]
        return [line for number, rows in enumerate(maps) for line in ([""] if number else []) + rows]
    texts = [[f"{value + 0.0:.5g}" for value in row] for row in np.atleast_2d(array)]
    width = max((len(text) for row in texts for text in row), default=0)
    return [" ".join(text.rjust(width) for text in row) for row in texts]
