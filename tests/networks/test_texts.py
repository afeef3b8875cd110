"""What each source text says of its own network beside the gradients, and the mistakes it is easy to make there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.core.errors import UsageError
from cnngrad.layers import channels_last_conv_vjp, relu, sigmoid, softmax, true_conv_vjp
from cnngrad.networks import (
    batch_gradient,
    connected_conv,
    delta_recursion,
    initial,
    inputs_for,
    lenet,
    paper_net,
    partial_conv,
    perceptron,
    pre_activation,
    rate_at,
    sigmoid_net,
    toolbox,
    updated,
    with_decay,
)
from cnngrad.networks.channels_last import connections

RNG = np.random.default_rng(5)


def test_rate_falls_and_update_subtracts() -> None:
    assert [rate_at(t, 1.0, 0.5) for t in (0, 1, 2)] == [1.0, 1 / 1.5, 0.5]
    old = {"w": np.array([1.0, -2.0])}
    assert updated(old, {"w": np.array([2.0, 4.0])}, 0.5)["w"].tolist() == [0.0, -4.0]
    assert old["w"].tolist() == [1.0, -2.0]
    with pytest.raises(UsageError, match="no gradient for w; one is needed for each of w"):
        updated(old, {"w": None}, 0.5)


@pytest.mark.parametrize("output", ["softmax", "linear"])
@pytest.mark.parametrize("f", [sigmoid, relu], ids=lambda f: f.name)
def test_001_the_recursion_is_the_chain_of_pre_activation_layers(f: Any, output: str) -> None:
    net = perceptron((4, 5, 3, 2), f, output, batch=3)
    start = {name: value + 0.1 for name, value in initial(net, RNG).items()}
    x, target = RNG.standard_normal((3, 4)), np.eye(2)[[0, 1, 1]]
    trace = net.trace(*inputs_for(net, start | {"x": x, "E.t": target}))
    weights, biases = ([start[f"{name}.{kind}"] for name in ("H1", "H2", "O3")] for kind in "wb")
    deltas, dw, db = delta_recursion(x, target, weights, biases, f, output)
    for i, name in enumerate(("H1", "H2", "O3")):
        np.testing.assert_allclose(trace[name].cotangent, deltas[i], rtol=1e-13)
        np.testing.assert_allclose(trace.gradients[f"{name}.w"], dw[i], rtol=1e-13)
        np.testing.assert_allclose(trace.gradients[f"{name}.b"], db[i], rtol=1e-13)


def test_001_both_signs_of_the_update() -> None:
    net = perceptron((4, 3, 2), sigmoid, "linear")
    data = {"x": RNG.standard_normal((2, 4)), "E.t": RNG.standard_normal((2, 2))}
    start = initial(net, RNG)
    before, backward = net(*inputs_for(net, start | data))
    gradients = dict(zip(net.inputs, backward(1.0), strict=True))
    minus, plus = updated(start, gradients, 0.1), updated(start, gradients, -0.1)
    assert net(*inputs_for(net, minus | data))[0] < before  # θ ← θ − α dθ lowers the loss
    assert net(*inputs_for(net, plus | data))[0] > before  # W ← W + α δ x, as printed, raises it


def test_001_the_misprinted_delta_is_not_the_gradient(wrong_gradients: Any) -> None:
    """δ_k × Σ_h W_hk instead of Σ_k W_hk δ_k: right for one output only."""
    layer = pre_activation(sigmoid)

    def misprinted(z: Any, w: Any, b: Any) -> Any:
        y, backward = layer.vjp(z, w, b)
        a = sigmoid.vjp(z)[0]
        return y, lambda d: (a * (1 - a) * d.sum(axis=1, keepdims=True) * w.sum(axis=0), *backward(d)[1:])

    from dataclasses import replace

    inputs = (RNG.standard_normal((2, 3)), RNG.standard_normal((4, 3)), RNG.standard_normal(4))
    assert wrong_gradients(layer, inputs) == []
    assert wrong_gradients(replace(layer, vjp=misprinted), inputs) == ["z"]


def test_001_delta_is_y_minus_t() -> None:
    net = perceptron((3, 2), output="softmax", batch=1)
    x, start = RNG.standard_normal((1, 3)), initial(perceptron((3, 2)), RNG)
    trace = net.trace(*inputs_for(net, start | {"x": x, "E.t": np.eye(2)[:1]}))
    np.testing.assert_allclose(trace["O1"].cotangent, softmax.vjp(trace["O1"].output)[0] - np.eye(2)[:1])


@pytest.mark.parametrize("pooling", ["mean", "max", "p_norm"])
def test_002_average_of_single_gradients_is_the_batch_gradient(pooling: str) -> None:
    net = sigmoid_net(pooling, (9, 8), maps=2, kernel=3)
    start = initial(net, RNG)
    x, target = RNG.standard_normal((5, 1, 9, 8)), np.eye(10)[[1, 2, 3, 4, 9]]
    whole = with_decay(net, 0.3)
    backward = whole(*inputs_for(net, start | {"x": x, "E.t": target}))[1]
    of_batch = dict(zip(whole.inputs, backward(1.0), strict=True))
    single = batch_gradient(net, x, target, start, 0.3)
    dropped = batch_gradient(net, x[:-1], target[:-1], start, 0.3)
    for name in start:
        np.testing.assert_allclose(single[name], of_batch[name], rtol=1e-10, atol=1e-14)
    assert not np.allclose(dropped["O3.w"], of_batch["O3.w"], rtol=1e-3)


def test_003_along_the_connections_is_the_convolution() -> None:
    x, w, b = RNG.standard_normal((2, 4, 5, 3)), RNG.standard_normal((2, 3, 2, 3)), RNG.standard_normal(2)
    y, backward = connected_conv(x, w, b)
    expected, expected_backward = channels_last_conv_vjp(x, w, b)
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    dy = RNG.standard_normal(y.shape)
    for mine, theirs in zip(backward(dy), expected_backward(dy), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-13)


def test_003_delta_comes_back_with_the_weight_it_went_out_with() -> None:
    """The connections as a sparse matrix M: forwards M x, backwards Mᵀ dy."""
    image, kernels = (3, 4, 2), (2, 2, 3, 2)
    w = RNG.integers(-4, 5, kernels).astype(float)
    i, j, k = connections(image, kernels)
    matrix = np.zeros((2 * 2 * 2, 3 * 4 * 2))
    np.add.at(matrix, (j, i), w.ravel()[k])
    x, dy = RNG.integers(-4, 5, (1, *image)).astype(float), RNG.integers(-4, 5, (1, 2, 2, 2)).astype(float)
    y, backward = channels_last_conv_vjp(x, w, np.zeros(2))
    np.testing.assert_array_equal(y.ravel(), matrix @ x.ravel())
    np.testing.assert_array_equal(backward(dy)[0].ravel(), matrix.T @ dy.ravel())


def test_004_unconnected_maps_neither_see_nor_learn() -> None:
    table = np.array([[1, 0, 1], [0, 1, 0]])
    x, w, b = RNG.standard_normal((2, 3, 5, 4)), RNG.standard_normal((2, 3, 2, 2)), RNG.standard_normal(2)
    y, backward = partial_conv(table)(x, w, b)
    np.testing.assert_allclose(y[:, 1:], true_conv_vjp(x[:, 1:2], w[1:, 1:2], b[1:])[0])
    dw = backward(RNG.standard_normal(y.shape))[1]
    assert ((dw != 0).any(axis=(2, 3)) == table.astype(bool)).all()
    full = partial_conv(np.ones((2, 3)))(x, w, b)[0]
    np.testing.assert_allclose(full, true_conv_vjp(x, w, b)[0])
    assert not np.allclose(full, y)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: lenet("median"), "pooling='median'; LeNet takes 'mean' or 'max'"),
        (lambda: sigmoid_net("sum"), "pooling='sum'; this network takes 'mean', 'max', 'p_norm'"),
        (lambda: sigmoid_net(image=(5, 9)), "a 5x5 kernel and 2x2 pooling leave nothing of a 5x9 image"),
        (lambda: perceptron((4,)), r"widths=\(4,\); a perceptron takes at least an input's and an output's"),
        (lambda: perceptron((4, 2), output="relu"), "output='relu'; a perceptron's is 'linear' or 'softmax'"),
        (lambda: delta_recursion(None, None, [], [], relu, "hinge"), "output='hinge'"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: connections((3, 3, 1), (1, 2, 2, 2)), "kernels of 2x2x2 do not fit an image of 3x3x1"),
        (lambda: connections((3, 3), (1, 2, 2)), r"an image of shape \(3, 3\) and kernels of shape"),  # type: ignore[arg-type]  # wrong on purpose
        (
            lambda: partial_conv([[1, 1]])(np.ones((1, 2, 3, 3)), np.ones((1, 1, 2, 2)), np.ones(1)),
            r"w has shape \(1, 1, 2, 2\); with this connection table it takes \(1, 2, \*sides\)",
        ),
        (lambda: partial_conv([[1, 0], [0, 0]]), r"a true entry in every row; given: \[\[1, 0\], \[0, 0\]\]"),
        (lambda: paper_net(table=[1, 0]), "a connection table has a row for each output map"),
        (lambda: toolbox((("c", 6, 5),)), r"is not one of the program's: it takes \('i',\) first"),
        (lambda: toolbox(()), "is not one of the program's"),
        (lambda: toolbox((("i",), ("c", 6))), "is not one of the program's"),
        (lambda: toolbox((("i",), ("s", 0))), "is not one of the program's"),
        (
            lambda: toolbox((("i",), ("c", 2, 3), ("c", 2, 3))),
            "two layers of a kind in a row, which the program cannot",
        ),
        (lambda: toolbox((("i",), ("s", 2), ("s", 2))), "two layers of a kind in a row"),
        (lambda: toolbox((("i",), ("s", 3))), "layer 2: scale 3 does not divide maps of 28x28"),
        (lambda: toolbox((("i",), ("c", 1, 9)), (8, 12)), "layer 2: a 9x9 kernel does not fit maps of 8x12"),
    ],
)
def test_bad_input_is_told_in_a_sentence(build: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build()
