"""Layers that thousands rely on, through the adapters: no false alarm. And the adapters' docstrings, run for once."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad import layers as reference
from cnngrad.core.layer import Layer
from cnngrad.search import explicit_cases

pytestmark = pytest.mark.integration

SMALL = {"n": (1, 2), "c": (2, 2), "side": (4, 4), "k": (1, 2), "stride": (1, 2)}
IMAGE: dict[str, Any] = dict(dims=SMALL, shapes=lambda d: {"x": (d.n, d.c, d.side, d.side)})
ROWS: dict[str, Any] = dict(dims={"n": (2, 3), "c": (3, 3)}, shapes=lambda d: {"x": (d.n, d.c)})


def labels(rng: np.random.Generator, shape: Any, d: Any) -> Any:
    return rng.integers(0, d.c, shape)


def kernels(out: str, into: str) -> dict[str, Any]:
    shapes = lambda d: {  # noqa: E731 - short as a user writes it
        "x": (d.n, d.c, d.side, d.side),
        "w": (getattr(d, out), getattr(d, into), d.k, d.k),
        "b": (d.f,),
    }
    return dict(inputs=("x", "w", "b"), dims={**SMALL, "f": (1, 1)}, shapes=shapes)


PICKED: dict[str, Any] = dict(
    inputs=("x", "t"),
    constants="t",
    dims=ROWS["dims"],
    shapes=lambda d: {"x": (d.n, d.c), "t": (d.n,)},
    draw={"t": labels},
)
NORMED: dict[str, Any] = dict(
    inputs=("x", "g", "b"), dims=ROWS["dims"], shapes=lambda d: {"x": (d.n, d.c), "g": (d.c,), "b": (d.c,)}
)


def of_torch() -> dict[str, Layer]:
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    strided = lambda d: {"stride": d.stride, "padding": d.k - 1}  # noqa: E731 - short as a user writes it
    windows = lambda d: {"kernel_size": d.k, "stride": d.stride}  # noqa: E731 - short as a user writes it
    table = {
        "conv2d": (F.conv2d, {**kernels("f", "c"), "config": strided}),
        "conv_transpose2d": (F.conv_transpose2d, {**kernels("c", "f"), "config": lambda d: {"stride": d.stride}}),
        "max_pool2d": (F.max_pool2d, {**IMAGE, "config": windows}),
        "avg_pool2d": (F.avg_pool2d, {**IMAGE, "config": windows}),
        "cross_entropy": (F.cross_entropy, PICKED),
        "batch_norm": (lambda x, g, b: F.batch_norm(x, None, None, g, b, training=True), NORMED),
        "layer_norm": (lambda x, g, b: F.layer_norm(x, g.shape, g, b), NORMED),
        "gelu": (F.gelu, ROWS),
    }
    return {name: cg.from_torch(function, name=name, **facts) for name, (function, facts) in table.items()}


def of_jax() -> dict[str, Layer]:
    jax = pytest.importorskip("jax")
    jnp, lax = jax.numpy, jax.lax

    def conv(x: Any, w: Any, b: Any, stride: int) -> Any:
        return lax.conv(x, w, (stride, stride), "VALID") + b[:, None, None]

    def pool(start: float, join: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, k, stride: lax.reduce_window(x, start, join, (1, 1, k, k), (1, 1, stride, stride), "VALID")

    def normed(x: Any, g: Any, b: Any, axis: int) -> Any:
        return g * (x - x.mean(axis, keepdims=True)) / jnp.sqrt(x.var(axis, keepdims=True) + 1e-5) + b

    strided = lambda d: {"stride": d.stride}  # noqa: E731 - short as a user writes it
    windows = lambda d: {"k": d.k, "stride": d.stride}  # noqa: E731 - short as a user writes it
    table = {
        "conv": (conv, {**kernels("f", "c"), "config": strided}),
        "max_pool": (pool(-np.inf, lax.max), {**IMAGE, "config": windows}),
        "sum_pool": (pool(0.0, lax.add), {**IMAGE, "config": windows}),
        "cross_entropy": (lambda x, t: -jax.nn.log_softmax(x)[jnp.arange(len(t)), t].mean(), PICKED),
        "batch_norm": (normed, {**NORMED, "config": {"axis": 0}}),
        "gelu": (jax.nn.gelu, ROWS),
    }
    return {name: cg.from_jax(function, name=name, **facts) for name, (function, facts) in table.items()}


def of_autograd() -> dict[str, Layer]:
    pytest.importorskip("autograd")
    anp = importlib.import_module("autograd.numpy")
    signal = importlib.import_module("autograd.scipy.signal")
    special = importlib.import_module("autograd.scipy.special")
    small = {"dims": {"n": (1, 4)}, "shapes": lambda d: {"x": (d.n + 2,), "w": (d.n,)}}
    table = {
        "convolve": (lambda x, w: signal.convolve(x, w, mode="valid"), {"inputs": ("x", "w"), **small}),
        "maximum": (lambda x: anp.max(x, axis=1), ROWS),
        "logsumexp": (lambda x: special.logsumexp(x, axis=1), ROWS),
        "tanh": (anp.tanh, ROWS),
    }
    return {name: cg.from_autograd(function, name=name, **facts) for name, (function, facts) in table.items()}


@pytest.fixture
def float64_in_jax() -> Any:
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def float64_refused(layer: Layer) -> Layer:
    """The layer as a kernel that knows float32 only, so that every point is judged in it."""

    def vjp(*inputs: Any, **config: Any) -> Any:
        if any(np.asarray(value).dtype == np.float64 for value in inputs):
            raise TypeError("float32 only")
        return layer.vjp(*inputs, **config)

    return replace(layer, vjp=vjp)


def assert_no_false_alarm(layer: Layer, effort: str) -> None:
    for each in (layer, float64_refused(layer)):
        report = cg.check(each, effort=effort, raise_on_failure=False)
        assert report.ok, str(report)


TORCH = ("conv2d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "cross_entropy", "batch_norm", "layer_norm", "gelu")
JAX = ("conv", "max_pool", "sum_pool", "cross_entropy", "batch_norm", "gelu")
AUTOGRAD = ("convolve", "maximum", "logsumexp", "tanh")


@pytest.mark.parametrize("name", TORCH)
def test_pytorch(name: str) -> None:
    assert_no_false_alarm(of_torch()[name], "thorough")


@pytest.mark.usefixtures("float64_in_jax")
@pytest.mark.parametrize("name", JAX)
def test_jax(name: str) -> None:
    # JAX traces every call anew: what takes seconds elsewhere takes minutes here.
    assert_no_false_alarm(of_jax()[name], "quick")


@pytest.mark.parametrize("name", AUTOGRAD)
def test_autograd(name: str) -> None:
    assert_no_false_alarm(of_autograd()[name], "thorough")


def of_the_same_inputs() -> dict[str, Callable[..., Any]]:
    """PyTorch's function for a reference layer, taking its inputs and keywords."""
    F = pytest.importorskip("torch").nn.functional
    of_rank = lambda x, name: getattr(F, f"{name}{x.dim() - 2}d")  # noqa: E731 - short as a user writes it
    return {
        "conv2d": lambda x, w, b, pad, **more: F.conv2d(x, w, b, padding=pad, **more),
        "max_pool": lambda x, window, stride, pad: of_rank(x, "max_pool")(x, window, stride, pad),
        "mean_pool": lambda x, window, stride, pad, count_padding: of_rank(x, "avg_pool")(
            x, window, stride, pad, count_include_pad=count_padding
        ),
        "softmax_cross_entropy": F.cross_entropy,
        "softmax": lambda z: F.softmax(z, dim=-1),
        "batch_norm": lambda x, g, b, eps: F.batch_norm(x, None, None, g, b, training=True, eps=eps),
        "dense": F.linear,
        "relu": F.relu,
        "sigmoid": F.sigmoid,
        "tanh": F.tanh,
    }


def test_the_reference_layers_agree_with_pytorch() -> None:
    for name, function in of_the_same_inputs().items():
        layer = getattr(reference, name)
        theirs = cg.from_torch(function, layer.inputs, constants=layer.constants)
        compared = 0
        for case in explicit_cases(layer, "quick", 0):
            point = case.with_values("normal").point(layer)
            y, backward = layer(*point.inputs, **point.config)
            try:
                their_y, their_backward = theirs(*point.inputs, **point.config)
            except (RuntimeError, ValueError):
                continue  # more padding than PyTorch takes, or one value a channel
            np.testing.assert_allclose(y, their_y, rtol=1e-9, atol=1e-9, err_msg=f"{name}: {case}")
            dy = np.random.default_rng(0).standard_normal(np.shape(y))
            for ours, their in zip(backward(dy), their_backward(dy), strict=True):
                assert (ours is None) == (their is None)
                if ours is not None:
                    np.testing.assert_allclose(ours, their, rtol=1e-8, atol=1e-8, err_msg=f"{name}: {case}")
            compared += 1
        assert compared >= 5, name


@pytest.mark.parametrize("framework", ["torch", "jax", "autograd"])
def test_the_docstrings_examples_run(framework: str) -> None:
    pytest.importorskip(framework)
    module = importlib.import_module(f"cnngrad.adapters.{framework}")
    found = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert found
    for test in found:
        for example in test.examples:
            example.options.pop(doctest.SKIP, None)
        test.globs["np"] = np
        assert SimpleNamespace(**doctest.DocTestRunner().run(test)._asdict()).failed == 0
