"""A case: one point at which a layer is checked, small enough to print on a line and replayed from that line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import BadZipFile

import numpy as np

from cnngrad.core.arrays import Array, is_differentiable, shape_text
from cnngrad.core.declarations import as_shape
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.core.values import draw_cotangent, draw_input, rng_for, rule_named

Sizes = tuple[tuple[str, int], ...]
Shapes = tuple[tuple[str, tuple[int, ...]], ...]

NO_NUMBERS = "OSUMm"  # kinds of arrays: objects, text, dates
MOST_ENTRIES = 2**34  # 128 GiB for one input


@dataclass(frozen=True)
class Case:
    """One point: a configuration, a rule for the values and a seed.

    Args:
        dims: the configuration, small whole numbers by name.
        shapes: shapes given by hand instead of declared ones.
        values: the rule the numbers are drawn by (see :mod:`cnngrad.core.values`), or ``file:<path>``.
        seed: of all that is drawn.

    >>> str(Case(dims=(("n", 1), ("stride", 2)), values="integers", seed=7))
    'n=1 stride=2 values=integers seed=7'
    >>> Case.parse("n=1 stride=2 values=integers seed=7") == Case((("n", 1), ("stride", 2)), (), "integers", 7)
    True
    """

    dims: Sizes = ()
    shapes: Shapes = ()
    values: str = "lattice"
    seed: int = 0

    def __str__(self) -> str:
        words = [f"{name}={size}" for name, size in self.dims]
        words += [f"{name}=({','.join(map(str, shape))})" for name, shape in self.shapes]
        return " ".join([*words, f"values={self.values}", f"seed={self.seed}"])

    @classmethod
    def parse(cls, text: str) -> Case:
        """Read a printed case back.

        Raises:
            UsageError: a word that is not ``name=value``, or a value of the wrong kind.
        """
        if not isinstance(text, str):
            raise UsageError(f"a case to read back is a line of text such as 'n=1 seed=7', not {text!r:.60}")
        dims: list[tuple[str, int]] = []
        shapes: list[tuple[str, tuple[int, ...]]] = []
        rest: dict[str, Any] = {}
        # A saved file's path may hold spaces; it runs to the seed, which is always last.
        words = re.findall(r"values=file:.*?(?=\s+seed=\S*$|$)|\S+", text.strip())
        for word in words:
            name, equals, value = word.partition("=")
            if not equals or not name:
                raise _bad_word(text, word)
            if name in rest or name in dict(dims) or name in dict(shapes):
                raise UsageError(f"the case {text!r} gives {name} twice")
            if name == "values":
                rest["values"] = value
            elif value.startswith("(") and value.endswith(")"):
                shapes.append((name, tuple(_whole(text, word, side) for side in value[1:-1].split(",") if side)))
            elif name == "seed":
                rest["seed"] = _whole(text, word, value)
            else:
                dims.append((name, _whole(text, word, value)))
        if not rest.get("values", "").startswith("file:"):
            rule_named(rest.get("values", "lattice"))
        return cls(tuple(dims), tuple(shapes), **rest)

    @property
    def sizes(self) -> dict[str, int]:
        """The configuration as a dict."""
        return dict(self.dims)

    def with_values(self, values: str, seed: int | None = None) -> Case:
        """The same configuration with numbers drawn by another rule."""
        return replace(self, values=values, seed=self.seed if seed is None else seed)

    def point(self, layer: Layer, config: Mapping[str, Any] | None = None) -> Point:
        """Draw the numbers: the same ones on every machine.

        Args:
            config: keywords for the ``vjp`` beside those that the configuration gives.

        Raises:
            UsageError: a configuration that the layer does not declare, or a saved file that cannot be read.
        """
        _refuse_foreign_dims(layer, self)
        if self.values.startswith("file:"):
            return _load(self, layer, dict(config or {}))
        d = SimpleNamespace(**self.sizes)
        shapes = self._own_shapes(layer) if self.shapes else layer.shapes_at(self.sizes)
        for name, shape in shapes.items():
            if math.prod(max(side, 1) for side in shape) > MOST_ENTRIES:
                raise UsageError(f"the case {self} gives {name} the shape {shape}, which no memory holds; try less")
        inputs = tuple(
            draw_input(
                rng_for(self.seed, name),
                self.values,
                shapes[name],
                layer.domain.get(name),
                layer.draw.get(name),
                d,
            )
            for name in layer.inputs
        )
        for name, value in zip(layer.inputs, inputs, strict=True):
            if name in layer.differentiable and value.dtype.kind in NO_NUMBERS:
                raise UsageError(
                    f"{layer.name}: draw of {name} gave {shape_text(value)}; it gives an array of floats, or declare "
                    f"constants=({name!r},)"
                )
        return Point(self, layer.inputs, inputs, {**layer.config_at(self.sizes), **(config or {})})

    def _own_shapes(self, layer: Layer) -> dict[str, tuple[int, ...]]:
        own = dict(self.shapes)
        absent = [name for name in layer.inputs if name not in own]
        if absent:
            raise UsageError(f"the case gives no shape for {', '.join(absent)} of {layer.name}: {self}")
        foreign = [name for name in own if name not in layer.inputs]
        if foreign:
            inputs = ", ".join(layer.inputs)
            raise UsageError(
                f"the case gives a shape for {', '.join(foreign)}; the inputs of {layer.name} are {inputs}"
            )
        return {name: as_shape(layer.name, name, shape) for name, shape in own.items()}


@dataclass(frozen=True, eq=False)
class Point:
    """A case with its numbers drawn: what a layer is called with.

    Attributes:
        inputs: one array an input, in the layer's order.
        config: keywords for the ``vjp``.
        tentative: another number of samples, say, that nobody promised: no matter if the forward refuses it.
        d: the configuration's sizes as attributes.
    """

    case: Case
    names: tuple[str, ...]
    inputs: tuple[Array, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    tentative: bool = False

    @property
    def d(self) -> SimpleNamespace:
        return SimpleNamespace(**self.case.sizes)

    def __getitem__(self, name: str) -> Array:
        return self.inputs[self.names.index(name)]

    def cotangent(self, size: int, number: int = 0) -> Any:
        """The ``number``-th cotangent of this point, for ``size`` output entries."""
        return draw_cotangent(rng_for(self.case.seed, f"dy{number}"), self.case.values, size)

    def save(self, path: Path) -> None:
        """Write the arrays and keywords whole, so that ``values=file:<path>`` replays this point."""
        from cnngrad.core.files import write_whole

        arrays: dict[str, Any] = {f"input_{n}": value for n, value in zip(self.names, self.inputs, strict=True)}
        write_whole(path, lambda file: np.savez(file, **arrays))


def point_from_arrays(layer: Layer, arrays: tuple[Any, ...], config: Mapping[str, Any], case: Case) -> Point:
    """A point of the user's own numbers.

    Raises:
        UsageError: the wrong number of arrays, or one that is not numeric.
    """
    if len(arrays) != len(layer.inputs):
        raise UsageError(
            f"{layer.name} takes {len(layer.inputs)} inputs ({', '.join(layer.inputs)}), {len(arrays)} were given"
        )
    checked = tuple(_numeric(layer, name, value) for name, value in zip(layer.inputs, arrays, strict=True))
    if layer.contiguous:
        checked = tuple(np.array(value, order="C") for value in checked)
    return Point(case, layer.inputs, checked, {**layer.config_at({}), **config} if layer.dims is None else config)


def unsaturated(layer: Layer, inputs: Sequence[Any]) -> tuple[tuple[Any, ...], float]:
    """The differentiable inputs scaled down, by one power of two, to at most 1; and that power.

    They stay as they are, with a factor of 1, where that would leave the declared domain.

    >>> layer = Layer(lambda x: None, ("x",), "demo")
    >>> unsaturated(layer, [np.array([3.0, -8.0])])
    ((array([ 0.375, -1.   ]),), 0.125)
    """
    factor = min(1.0, _to_size_one(layer, inputs))
    scaled = _scaled(layer, inputs, factor)
    return (tuple(inputs), 1.0) if scaled is None else (scaled, factor)


def of_size_one(layer: Layer, inputs: Sequence[Any]) -> tuple[Any, ...]:
    """The differentiable inputs scaled up or down, by one power of two, so that the largest is between 1/2 and 1.

    They stay as they are where that would leave the declared domain.

    >>> of_size_one(Layer(lambda x: None, ("x",), "demo"), [np.array([3.0, -8.0]) / 1024])
    (array([ 0.375, -1.   ]),)
    """
    scaled = _scaled(layer, inputs, _to_size_one(layer, inputs))
    return tuple(inputs) if scaled is None else scaled


def _to_size_one(layer: Layer, inputs: Sequence[Any]) -> float:
    free = [value for name, value in zip(layer.inputs, inputs, strict=True) if name in layer.differentiable]
    largest = max((float(np.max(np.abs(value), initial=0.0)) for value in free), default=1.0)
    return float(2.0 ** -np.ceil(np.log2(largest))) if 0 < largest < np.inf else 1.0


def _scaled(layer: Layer, inputs: Sequence[Any], factor: float) -> tuple[Any, ...] | None:
    """The differentiable inputs times a factor; ``None`` where one would leave its domain."""
    scaled = []
    for name, value in zip(layer.inputs, inputs, strict=True):
        low, high = layer.domain.get(name, (-np.inf, np.inf))
        if name not in layer.differentiable:
            scaled.append(value)
        elif np.all((factor * value > low) & (factor * value < high)):
            scaled.append(np.asarray(factor * value, dtype=np.asarray(value).dtype))
        else:
            return None
    return tuple(scaled)


def aside(layer: Layer, point: Point, share: float, purpose: str) -> tuple[Any, ...]:
    """The inputs of a point moved by a share of their own size in every entry, kept inside the declared domain.

    Constants stay, and so does what the layer draws in its own way.

    >>> layer = Layer(lambda x: None, ("x",), "demo", shapes={"x": (1,)}, domain={"x": (0, 1)})
    >>> moved = aside(layer, Point(Case(), ("x",), (np.array([0.5]),)), 0.1, "demo")
    >>> bool(0.44 < moved[0][0] < 0.56)
    True
    """
    moved = []
    for name, value in zip(layer.inputs, point.inputs, strict=True):
        if name in layer.constants or name in layer.draw:
            moved.append(value)
            continue
        rng = rng_for(point.case.seed, f"{purpose} {name}")
        largest = float(np.max(np.abs(value), initial=0.0)) or 1.0
        step = share * largest * rng.uniform(0.5, 1.0, np.shape(value)) * rng.choice([-1.0, 1.0], np.shape(value))
        low, high = layer.domain.get(name, (-np.inf, np.inf))
        there = value + step
        moved.append(np.where((there > low) & (there < high), there, value).astype(np.asarray(value).dtype))
    return tuple(moved)


def _numeric(layer: Layer, name: str, value: Any) -> Array:
    if isinstance(value, float):
        return np.asarray(value)
    try:
        array = np.array(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{layer.name}: {name} is no array: {error}") from None
    if name in layer.constants:
        return array
    if np.issubdtype(array.dtype, np.integer) and not hasattr(value, "dtype"):
        return array.astype(np.float64)  # a plain list of whole numbers means real numbers
    if not is_differentiable(array):
        raise UsageError(
            f"{layer.name}: {name} is {shape_text(array)}; a differentiated input holds floats: "
            f"pass {name}.astype(float), or declare it with constants=({name!r},)"
        )
    return array


def _refuse_foreign_dims(layer: Layer, case: Case) -> None:
    declared = layer.dims or {}
    foreign = [name for name in case.sizes if name not in declared]
    missing = [name for name in declared if name not in case.sizes]
    if foreign or (missing and not case.shapes and not case.values.startswith("file:")):
        raise UsageError(
            f"the case {str(case)!r} does not fit {layer.name}, whose dims are {', '.join(declared) or 'none'}"
            + (f"; not among them: {', '.join(foreign)}" if foreign else "")
            + (f"; missing: {', '.join(missing)}" if missing else "")
        )
    if case.sizes and not layer.allows(case.sizes):
        raise UsageError(f"the case {str(case)!r} is one that where= of {layer.name} excludes")


def _load(case: Case, layer: Layer, config: dict[str, Any]) -> Point:
    path = Path(case.values.removeprefix("file:"))
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            inputs = tuple(saved[f"input_{name}"] for name in layer.inputs)
    except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile) as error:  # TypeError: one .npy array
        raise UsageError(f"cannot read the saved case {path}: {error}") from None
    return Point(case, layer.inputs, inputs, {**layer.config_at(case.sizes), **config})


def _whole(text: str, word: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise _bad_word(text, word) from None


def _bad_word(text: str, word: str) -> UsageError:
    return UsageError(
        f"{word!r} in the case {text!r} is not name=<whole number>, name=(2,3), values=<rule> or seed=<whole number>"
    )
