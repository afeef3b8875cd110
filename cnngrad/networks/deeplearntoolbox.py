"""Seed 004's program: the CNN of DeepLearnToolbox, any sequence of layers that its program accepts.

    c   z = b + Σ convn(a, k, 'valid'),  a = σ(z)           true convolution: the kernel is rotated
    s   a = mean over s x s blocks
    fv  the last maps as a vector: map, column, row (row fastest)
    o   σ(ffW fv + ffb),   L = 1/(2N) Σ (o − y)²

Its program backpropagates from a convolution into pooling or the input, and from pooling into a convolution or the
input, so the two alternate; either may be first or last. Its deltas are taken before the activation: they are the
cotangents of the stages C and ffW, convolution and sigmoid being stages of their own, and of the stages S.
They are deltas of single examples, so the trace that shows them has dy = N.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from cnngrad.core.arrays import Array
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer
from cnngrad.layers import dense, flatten, half_squared_error, mean_pool, sigmoid, true_conv
from cnngrad.networks.chain import Chain, chain
from cnngrad.networks.trace import Trace
from cnngrad.networks.update import one_hot_rows

CLASSIC = (("i",), ("c", 6, 5), ("s", 2), ("c", 12, 5), ("s", 2))


def toolbox(
    spec: Sequence[Sequence[Any]] = CLASSIC, image: tuple[int, int] = (28, 28), outputs: int = 10, batch: int = 2
) -> Chain:
    """The network of a specification like the program's: ``("i",)``, ``("c", maps, kernel)``, ``("s", scale)``.

    Stages and parameters carry the program's 1-based layer numbers: ``C2``, ``A2``, ``S3``, ..., ``ffW``, ``o``, ``L``.

    Raises:
        UsageError: a specification that the program cannot run, or that does not fit the image.

    >>> toolbox().inputs
    ('x', 'C2.w', 'C2.b', 'C4.w', 'C4.b', 'ffW.w', 'ffW.b', 'L.t')
    >>> list(toolbox((("i",), ("s", 1), ("c", 2, 3)), image=(5, 4)).stages)
    ['S2', 'C3', 'A3', 'fv', 'ffW', 'o', 'L']
    """
    _refuse_wrong_sequence(spec)
    stages: dict[str, Layer] = {}
    shapes: dict[str, tuple[int, ...]] = {"x": (batch, 1, *image)}
    maps, sides = 1, image
    for number, (kind, *sizes) in enumerate(spec[1:], start=2):
        if kind == "c":
            out, kernel = sizes
            sides = _convolved(number, sides, kernel)
            stages |= {f"C{number}": true_conv, f"A{number}": sigmoid}
            shapes |= {f"C{number}.w": (out, maps, kernel, kernel), f"C{number}.b": (out,)}
            maps = out
        else:
            sides = _pooled(number, sides, sizes[0])
            stages[f"S{number}"] = mean_pool.configured(window=sizes[0])
    net = chain(**stages, fv=flatten, ffW=dense, o=sigmoid, L=half_squared_error)
    shapes |= {"ffW.w": (outputs, maps * sides[0] * sides[1]), "ffW.b": (outputs,), "L.t": (batch, outputs)}
    return replace(net, name="deeplearntoolbox", shapes=shapes, draw={"L.t": one_hot_rows})


def program_numbers(spec: Sequence[Sequence[Any]], trace: Trace) -> dict[str, Array]:
    """What the program calls its numbers, read off a trace with ``dy = N``.

    Returns:
        ``a{l}``, ``d{l}``, ``dk{l}``, ``db{l}``, ``fv``, ``fvd``, ``o``, ``od``, ``dffW``, ``dffb``, ``L``: the
        deltas a single example's, the parameters' gradients averaged over the batch.

    >>> import numpy as np
    >>> from cnngrad.networks.update import initial, inputs_for
    >>> spec = (("i",), ("c", 2, 3), ("s", 2))
    >>> net = toolbox(spec, image=(6, 6), outputs=3)
    >>> values = initial(net, np.random.default_rng(0)) | {"x": np.ones((2, 1, 6, 6)), "L.t": np.eye(3)[:2]}
    >>> numbers = program_numbers(spec, net.trace(*inputs_for(net, values), dy=2.0))
    >>> numbers["d2"].shape, numbers["dk2"].shape, numbers["fvd"].shape
    ((2, 2, 4, 4), (2, 1, 3, 3), (2, 8))
    """
    examples = len(trace["fv"].output)
    numbers: dict[str, Array] = {}
    for number, (kind, *_) in enumerate(spec[1:], start=2):
        if kind == "c":
            stage = trace[f"C{number}"]
            weight, bias = stage.layer.inputs[1:]
            numbers[f"a{number}"] = trace[f"A{number}"].output
            numbers[f"dk{number}"] = stage.gradients[weight] / examples
            numbers[f"db{number}"] = stage.gradients[bias] / examples
        else:
            stage = trace[f"S{number}"]
            numbers[f"a{number}"] = stage.output
        numbers[f"d{number}"] = stage.cotangent
    feature, output = trace["fv"], trace["ffW"].gradients
    ends_in_convolution = spec[-1][0] == "c"
    return numbers | {
        "fv": feature.output,
        # The program's fvd holds σ' already where the last layer is a convolution.
        "fvd": feature.layer.vjp(numbers[f"d{len(spec)}"])[0] if ends_in_convolution else feature.cotangent,
        "o": trace["o"].output,
        "od": trace["ffW"].cotangent,
        "dffW": output["w"] / examples,
        "dffb": output["b"] / examples,
        "L": trace.output,
    }


def program_parameters(spec: Sequence[Sequence[Any]], numbers: Mapping[str, Array]) -> dict[str, Array]:
    """The program's ``k{l}``, ``b{l}``, ``ffW`` and ``ffb`` under the names of :func:`toolbox`.

    >>> list(program_parameters((("i",), ("c", 1, 1)), {"k2": 0, "b2": 0, "ffW": 0, "ffb": 0}))
    ['C2.w', 'C2.b', 'ffW.w', 'ffW.b']
    """
    renamed: dict[str, Array] = {}
    for number, (kind, *_) in enumerate(spec, start=1):
        if kind == "c":
            renamed |= {f"C{number}.w": numbers[f"k{number}"], f"C{number}.b": numbers[f"b{number}"]}
    return renamed | {"ffW.w": numbers["ffW"], "ffW.b": numbers["ffb"]}


def _refuse_wrong_sequence(spec: Sequence[Sequence[Any]]) -> None:
    accepted = "('i',) first, then ('c', maps, kernel) and ('s', scale) by turns, either first: " + str(CLASSIC)
    kinds = [layer[0] if layer else None for layer in spec]
    sizes_fit = all(
        len(layer) == {"c": 3, "s": 2}.get(layer[0], 0) and all(isinstance(n, int) and n > 0 for n in layer[1:])
        for layer in spec[1:]
        if layer
    )
    if kinds[:1] != ["i"] or not set(kinds[1:]) <= {"c", "s"} or not sizes_fit:
        raise UsageError(f"the specification {list(spec)!r} is not one of the program's: it takes {accepted}")
    if any(above == below for above, below in pairwise(kinds)):
        raise UsageError(
            f"the specification {list(spec)!r} has two layers of a kind in a row, which the program cannot "
            f"backpropagate: it takes {accepted}"
        )


def _convolved(number: int, sides: tuple[int, int], kernel: int) -> tuple[int, int]:
    if kernel > min(sides):
        raise UsageError(f"layer {number}: a {kernel}x{kernel} kernel does not fit maps of {sides[0]}x{sides[1]}")
    return sides[0] - kernel + 1, sides[1] - kernel + 1


def _pooled(number: int, sides: tuple[int, int], scale: int) -> tuple[int, int]:
    if any(side % scale for side in sides):
        raise UsageError(
            f"layer {number}: scale {scale} does not divide maps of {sides[0]}x{sides[1]}, as the program demands"
        )
    return sides[0] // scale, sides[1] // scale
