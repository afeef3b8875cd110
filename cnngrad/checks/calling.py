"""Calling a layer to see how it behaves: what came of a call, with arrays that are kept, on one object, elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnngrad.core.arrays import Array, Vector, flatten, is_differentiable, outputs_of
from cnngrad.core.call import Evaluation
from cnngrad.core.errors import LayerRaised
from cnngrad.core.layer import Layer

OUTPUT = "output"  # how results name what the forward returned


@dataclass(frozen=True, eq=False)
class Call:
    """One forward and one backward, and copies of what they returned.

    Attributes:
        inputs, dy: what they were given; dy end to end.
        output: the float outputs; end to end if there are several.
        gradients: the gradients that are arrays of numbers, by input, as float64.
        eps: the rounding of the coarsest floating type that was handed in or came back.
    """

    inputs: Sequence[Any]
    dy: Vector
    output: Array
    gradients: dict[str, Array]
    eps: float

    @property
    def results(self) -> dict[str, Array]:
        """The output and the gradients."""
        return {OUTPUT: self.output, **self.gradients}

    @property
    def finite(self) -> bool:
        return all(bool(np.all(np.isfinite(array))) for array in self.results.values())

    def repeats(self, other: Call) -> bool:
        """Whether two calls gave the same, bit for bit."""
        return identical(self.results, other.results)


def identical(these: Mapping[str, Array], those: Mapping[str, Array]) -> bool:
    """Whether two calls gave the same arrays under the same names, bit for bit."""
    return these.keys() == those.keys() and all(np.array_equal(these[n], those[n], equal_nan=True) for n in these)


def call(at: Evaluation, inputs: Sequence[Any], dy: Vector | None = None) -> Call:
    """A forward and its backward; with the point's own cotangent if none is given.

    >>> from cnngrad.core.case import Case
    >>> from cnngrad.layers import relu
    >>> at = Evaluation(relu, Case((("n", 1), ("width", 2)), values="integers").point(relu))
    >>> call(at, [np.array([[3.0, -1.0]])], np.array([5.0, 5.0])).gradients["x"].tolist()
    [[5.0, 0.0]]
    """
    y, backward = at.vjp(inputs)
    return pulled(at, inputs, y, backward, dy)


def pulled(at: Evaluation, inputs: Sequence[Any], y: Any, backward: Any, dy: Vector | None = None) -> Call:
    """What a backward gives for a forward that was called before."""
    output = output_of(y)
    dy = at.point.cotangent(output.size) if dy is None else dy
    returned = at.pull(y, backward, dy)
    floats = [value for value in (*inputs, *outputs_of(y), *returned) if is_differentiable(value)]
    return Call(inputs, dy, output, gradients_in(at, returned), max((_eps(value) for value in floats), default=0.0))


def output_of(y: Any) -> Array:
    """A copy of the float outputs: in its shape if there is one, end to end if there are several."""
    flat = flatten(outputs_of(y))
    return flat.reshape(np.shape(y)) if not isinstance(y, (tuple, list)) and np.size(y) == flat.size else flat


def gradients_in(at: Evaluation, returned: Sequence[Any]) -> dict[str, Array]:
    """Copies of those returned gradients that are arrays of numbers."""
    found = {}
    for name, value in zip(at.layer.inputs, returned, strict=True):
        if value is None or name not in at.layer.differentiable:
            continue
        try:
            if not np.iscomplexobj(value):  # NumPy would drop the imaginary part
                found[name] = np.array(value, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            continue  # gradients_match_forward says so
    return found


def cotangent_name(layer: Layer) -> str:
    """How results call the cotangent of the output: ``dy``, unless an input is called so.

    >>> cotangent_name(Layer(lambda x, dy: None, ("x", "dy"), "relu_backward"))
    'cotangent'
    """
    return next(name for name in ("dy", "cotangent", "cotangent of the output") if name not in layer.inputs)


def _eps(value: Any) -> float:
    dtype = getattr(value, "dtype", np.dtype(np.float64))
    # NumPy knows nothing of the precision of bfloat16 and its kin; none has less than 3 bits.
    return float(np.finfo(dtype).eps) if np.issubdtype(dtype, np.floating) else 2.0**-3


def forward_on(at: Evaluation, arrays: Sequence[Any]) -> tuple[Any, Any]:
    """A forward that is handed these very arrays, not copies of them."""
    layer = replace(at.layer, vjp=lambda *_, **config: at.layer.vjp(*arrays, **config))
    return Evaluation(layer, at.point, at.calls).vjp(arrays)


def backward_on(at: Evaluation, backward: Any, dy: Any) -> tuple[Any, ...]:
    """A backward that is handed this very cotangent, not a copy of it."""
    return at.pull((), lambda _: backward(dy), np.empty(0))


def on_one_object(at: Evaluation) -> Evaluation:
    """The same layer with all its calls on one new object, where it keeps its state on one; else as it is."""
    if at.layer.shared is None:
        return at
    try:
        vjp = at.layer.shared()
    except Exception as error:
        raise LayerRaised("forward", error) from error
    return Evaluation(replace(at.layer, vjp=vjp), at.point, at.calls)


def elsewhere(at: Evaluation) -> list[Any]:
    """Other inputs of the same shapes: the case's next draw, or the user's own numbers back to front.

    The weights of a layer that keeps its state on one object stay, as they are the object's.
    """
    drawn = _next_draw(at)
    found: list[Any] = []
    for position, (name, value) in enumerate(zip(at.layer.inputs, at.point.inputs, strict=True)):
        fixed = position > 0 and at.layer.shared is not None
        candidates = [] if fixed else [*drawn[position : position + 1], *_rearranged(at, name, value)]
        found.append(next((c for c in candidates if not np.array_equal(c, value)), value))
    return found


def _next_draw(at: Evaluation) -> tuple[Array, ...]:
    case = at.point.case
    if case.values.startswith("file:"):
        return ()
    drawn = case.with_values(case.values, case.seed + 1).point(at.layer).inputs
    alike = all(np.shape(a) == np.shape(b) for a, b in zip(drawn, at.point.inputs, strict=True))
    return tuple(a.astype(np.asarray(b).dtype) for a, b in zip(drawn, at.point.inputs, strict=True)) if alike else ()


def _rearranged(at: Evaluation, name: str, value: Any) -> list[Any]:
    """The same numbers back to front, which keeps rows that sum to 1; half of them, where that is allowed."""
    if name in at.layer.constants:
        return []  # labels belong to their rows
    half = np.asarray(value) / 2
    low, high = at.layer.domain.get(name, (-np.inf, np.inf))
    inside = bool(np.all((half > low) & (half < high)))
    return [np.flip(value), *([half.astype(np.asarray(value).dtype)] if inside else [])]
