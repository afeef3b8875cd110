"""Layers that thousands rely on, through the adapters: no false alarm. And the adapters' docstrings, run for once."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad import layers as reference
from cnngrad.core.layer import Layer
from cnngrad.search import explicit_cases
from tests.adapters.their_layers import NAMES, of_autograd, of_jax, of_torch, only_in_single

pytestmark = pytest.mark.integration


@pytest.fixture
def one_thread() -> Iterator[None]:
    """The arrays are small: two threads would wait for each other, on a busy machine ten times as long."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def float64_in_jax() -> Any:
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def assert_no_false_alarm(layer: Layer, effort: str) -> None:
    for each in (layer, only_in_single(layer)):
        report = cg.check(each, effort=effort, raise_on_failure=False)
        assert report.ok, str(report)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", NAMES)
def test_pytorch(name: str) -> None:
    assert_no_false_alarm(of_torch()[name], "thorough")


@pytest.mark.usefixtures("float64_in_jax")
@pytest.mark.parametrize("name", NAMES)
def test_jax(name: str) -> None:
    # What is compiled anew for many shapes takes most of the time; benchmarks/third_party.py has all at thorough.
    effort = "thorough" if name in ("avg_pool2d", "batch_norm", "gelu") else "normal"
    assert_no_false_alarm(of_jax()[name], effort)


@pytest.mark.parametrize("name", NAMES)
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
