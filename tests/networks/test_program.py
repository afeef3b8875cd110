"""Seed 004's backpropagation written out again map by map with scipy.signal, against the chain, for more networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from cnngrad.networks import initial, inputs_for, program_numbers, toolbox

SPECS: dict[str, tuple[Any, tuple[int, int]]] = {
    "rectangular": ((("i",), ("c", 2, 3), ("s", 2), ("c", 3, 2), ("s", 1)), (8, 10)),
    "pooling first": ((("i",), ("s", 2), ("c", 2, 3)), (10, 8)),
    "pooling first and last": ((("i",), ("s", 3), ("c", 2, 2), ("s", 2)), (9, 15)),
    "ends in convolution": ((("i",), ("c", 3, 2), ("s", 2), ("c", 2, 2)), (7, 5)),
    "no hidden layer": ((("i",),), (3, 4)),
}


def program(spec: Sequence[Any], values: dict[str, Any], outputs: dict[int, Any]) -> dict[str, Any]:
    """The deltas and gradients of the program from the activations of every layer (``outputs``)."""
    from scipy.signal import convolve

    count, last = len(values["x"]), len(spec)
    fv = outputs[last].transpose(0, 1, 3, 2).reshape(count, -1)
    o = 1 / (1 + np.exp(-(fv @ values["ffW.w"].T + values["ffW.b"])))
    od = (o - values["L.t"]) * o * (1 - o)
    fvd = od @ values["ffW.w"]
    if spec[-1][0] == "c":
        fvd = fvd * fv * (1 - fv)
    maps, height, width = outputs[last].shape[1:]
    d = {last: fvd.reshape(count, maps, width, height).transpose(0, 1, 3, 2)}
    for layer in range(last - 1, 1, -1):
        a, above = outputs[layer], d[layer + 1]
        if spec[layer - 1][0] == "c":
            s = spec[layer][1]
            d[layer] = a * (1 - a) * np.kron(above, np.ones((s, s))) / s**2
        else:
            k, into = values[f"C{layer + 1}.w"], range(a.shape[1])
            # Rotated once in each of the two axes, as rot180 does.
            full = [
                [sum(convolve(above[n, j], k[j, i, ::-1, ::-1], "full") for j in range(len(k))) for i in into]
                for n in range(count)
            ]
            d[layer] = np.array(full)
    numbers = {"fvd": fvd, "od": od, "o": o, "dffW": od.T @ fv / count, "dffb": od.mean(axis=0)}
    for layer in range(2, last + 1):
        numbers[f"d{layer}"] = d[layer]
        if spec[layer - 1][0] == "c":
            a = outputs[layer - 1]
            # Reversing the batch axis too makes the three-dimensional convolution add up the examples.
            numbers[f"dk{layer}"] = np.array(
                [
                    [
                        convolve(a[::-1, i, ::-1, ::-1], d[layer][:, j], "valid", "direct")[0] / count
                        for i in range(a.shape[1])
                    ]
                    for j in range(d[layer].shape[1])
                ]
            )
            numbers[f"db{layer}"] = d[layer].sum(axis=(0, 2, 3)) / count
    return numbers


@pytest.mark.parametrize("name", SPECS)
def test_the_trace_is_the_program(name: str) -> None:
    spec, image = SPECS[name]
    net = toolbox(spec, image, outputs=3, batch=4)
    rng = np.random.default_rng(2)
    values = initial(net, rng) | {"x": rng.random((4, 1, *image)), "L.t": np.eye(3)[[0, 2, 1, 0]]}
    ours = program_numbers(spec, net.trace(*inputs_for(net, values), dy=4.0))
    outputs = {1: values["x"]} | {layer: ours[f"a{layer}"] for layer in range(2, len(spec) + 1)}
    theirs = program(spec, values, outputs)
    assert set(ours) - set(theirs) == {"L", "fv", *(f"a{layer}" for layer in range(2, len(spec) + 1))}
    for number, value in theirs.items():
        np.testing.assert_allclose(ours[number], value, rtol=0, atol=1e-13 * np.abs(value).max(), err_msg=number)
