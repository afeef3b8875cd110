"""PyTorch code as layers: right and wrong versions, and what the adapter says where it cannot help."""

from __future__ import annotations

import builtins
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from tests.adapters import their_torch

pytestmark = pytest.mark.integration
WIDE: dict[str, Any] = dict(dims={"n": (1, 2), "c": (1, 3)}, shapes=lambda d: dict.fromkeys("xw", (d.n, d.c)))
GRADIENTS = ("gradients_match_forward",)


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch")


def verdict(layer: cg.Layer, *arrays: Any, select: tuple[str, ...] = ()) -> str:
    report = cg.check(layer, *arrays, effort="quick", select=select, raise_on_failure=False)
    return str(report.status)


# Right and wrong.


@pytest.mark.parametrize(("kind", "expected"), [("ScaledRelu", "passed"), ("MaskFromDy", "failed")])
def test_an_autograd_function(torch: ModuleType, kind: str, expected: str) -> None:
    function = getattr(their_torch.functions(torch), kind)
    for given in (function, function.apply):
        layer = cg.from_torch(given, ("x", "w"), **WIDE, config={"scale": 2.0})
        assert layer.name == kind
        assert verdict(layer) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("ScaledRelu", ["passed"] * 3), ("SwappedNeeds", ["failed", "failed", "passed"])],
)
def test_every_subset_of_inputs_that_require_gradients(torch: ModuleType, kind: str, expected: list[str]) -> None:
    variants = cg.torch_variants(getattr(their_torch.functions(torch), kind), ("x", "w"), **WIDE)
    assert [layer.name for layer in variants] == [f"{kind}[x]", f"{kind}[w]", f"{kind}[x,w]"]
    assert [verdict(layer, select=GRADIENTS) if expected else "" for layer in variants] == expected


@pytest.mark.parametrize(("kind", "expected"), [("TopTwo", "passed"), ("TopTwoWrong", "failed")])
def test_several_outputs_and_integers_among_them(torch: ModuleType, kind: str, expected: str) -> None:
    layer = cg.from_torch(
        getattr(their_torch.functions(torch), kind), dims={"n": (1, 2), "c": (2, 3)}, shapes=lambda d: {"x": (d.n, d.c)}
    )
    assert layer(np.ones((2, 3)))[0][2].dtype.kind == "i"
    assert verdict(layer) == expected


def test_an_undefined_cotangent_is_left_out(torch: ModuleType) -> None:
    layer = cg.from_torch(their_torch.functions(torch).TopTwo)
    _, backward = layer(np.array([[1.0, 2.0]]))
    assert backward((np.ones((1, 2)), None, None))[0].tolist() == [[2.0, 4.0]]
    assert backward((None, np.ones(1), None))[0].tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(("kind", "expected"), [("ScaledRelu", True), ("ViewOfDy", False)])
def test_dy_keeps_its_strides(torch: ModuleType, kind: str, expected: bool) -> None:
    layer = cg.from_torch(getattr(their_torch.functions(torch), kind), ("x", "w"))
    _, backward = layer(np.ones((2, 3)), np.ones((2, 3)))
    dy = np.arange(6.0).reshape(3, 2).T
    assert np.array_equal(backward(dy)[0], dy) is expected


@pytest.mark.parametrize(("kind", "expected"), [("Sine", "passed"), ("SineWrongTwice", "failed")])
def test_the_double_backward_is_a_layer(torch: ModuleType, kind: str, expected: str) -> None:
    function = getattr(their_torch.functions(torch), kind)
    facts: dict[str, Any] = dict(dims={"n": (1, 3)}, shapes=lambda d: {"x": (d.n,)})
    assert verdict(cg.from_torch(function, **facts)) == "passed"
    double = cg.from_torch(function, double_backward=True, **facts)
    assert (double.name, double.inputs) == (f"{kind}_backward", ("x", "cotangent"))
    assert verdict(double) == expected


@pytest.mark.parametrize(("factor", "expected"), [(1.0, "passed"), (2.0, "failed")])
def test_a_custom_operator(torch: ModuleType, factor: float, expected: str) -> None:
    layer = cg.from_torch(their_torch.operator(torch, factor), shapes={"x": (3,)})
    assert layer.name == f"sine_{int(factor)}"
    assert verdict(layer, select=GRADIENTS) == expected


# Modules.


def test_the_parameters_of_a_module_are_inputs(torch: ModuleType) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 2), torch.nn.Tanh(), torch.nn.BatchNorm2d(2))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    layer = cg.from_torch(module, shapes={"x": (2, 1, 3, 3)})
    assert layer.inputs == ("x", "0.weight", "0.bias", "2.weight", "2.bias")
    assert layer.shapes["0.weight"] == (2, 1, 2, 2)
    assert (
        verdict(cg.from_torch(module, shapes={"x": (2, 1, 3, 3)}, zero_gradient="0.bias"), select=GRADIENTS) == "passed"
    )
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize(("kind", "expected"), [("Scale", "passed"), ("Detached", "failed")])
def test_a_module_of_their_own(torch: ModuleType, kind: str, expected: str) -> None:
    module = getattr(their_torch.modules(torch), kind)()
    layer = cg.from_torch(module, dims={"n": (1, 2)}, shapes=lambda d: {"x": (d.n, 3)})
    assert layer.inputs == ("x", "s")
    assert verdict(layer) == expected
    assert module.calls == 0


# Types, memory and devices.


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_types_are_kept(torch: ModuleType, dtype: Any) -> None:
    layer = cg.from_torch(torch.sin)
    y, backward = layer(np.ones(2, dtype))
    assert (y.dtype, backward(np.ones(2, dtype))[0].dtype) == (dtype, dtype)


def test_nothing_is_copied_on_the_cpu(torch: ModuleType) -> None:
    x = np.ones((2, 3))
    y, _ = cg.from_torch(torch.t)(x.T)
    assert np.shares_memory(x, y)
    dy = np.ones(6)
    _, backward = cg.from_torch(lambda x: x.view(6))(x)
    assert np.shares_memory(dy, backward(dy)[0])


@pytest.mark.parametrize("change", [lambda x: x[::-1], lambda x: x.astype(">f8"), np.float64(2.0).__add__])
def test_arrays_that_pytorch_cannot_share_are_copied(torch: ModuleType, change: Any) -> None:
    x = change(np.arange(3.0))
    y, _ = cg.from_torch(lambda x: 2 * x)(x)
    np.testing.assert_array_equal(y, 2 * x)


def test_a_read_only_array_is_copied(torch: ModuleType) -> None:
    x = np.broadcast_to(1.0, (2, 3))
    _, backward = cg.from_torch(lambda x: 2 * x)(x)
    assert backward(x)[0].tolist() == [[2.0] * 3] * 2


def test_bfloat16_comes_back_as_float32(torch: ModuleType) -> None:
    y, backward = cg.from_torch(lambda x: x.to(torch.bfloat16))(np.ones(2))
    assert (y.dtype, backward(np.ones(2, np.float32))[0].dtype) == (np.float32, np.float64)


def test_an_input_changed_on_purpose_is_changed_for_the_caller(torch: ModuleType) -> None:
    x = np.array([-1.0, 2.0])
    _, backward = cg.from_torch(torch.relu_, in_place="x")(x)
    assert (x.tolist(), backward(np.ones(2))[0].tolist()) == ([0.0, 2.0], [0.0, 1.0])


def test_a_layer_on_the_device(torch: ModuleType) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    seen = []
    layer = cg.from_torch(
        lambda x, w: seen.append(x.device.type) or x @ w, ("x", "w"), device="cuda", shapes={"x": (2, 3), "w": (3, 2)}
    )
    assert verdict(layer, select=GRADIENTS) == "passed"
    assert set(seen) == {"cuda"}


# What is said where something is not right.


def test_a_broken_graph_is_named(torch: ModuleType) -> None:
    layer = cg.from_torch(lambda x: 2 * x.detach(), name="f", shapes={"x": (3,)})
    report = cg.check(layer, effort="quick", raise_on_failure=False, select=GRADIENTS)
    assert report.status == "error"
    assert "no gradient passes through f: the graph is broken between inputs and output by detach(), " in str(report)


def refused(message: str) -> Any:
    return pytest.raises(cg.UsageError, match=message)


def test_messages(torch: ModuleType) -> None:
    with refused("f: output 1 is float, but no gradient passes through it .* leave it out:  lambda \\*inputs"):
        cg.from_torch(lambda x: (x, x.detach()), name="f")(np.ones(2))
    with refused("relu_ changes an input in place; if that is meant, declare it: in_place="):
        cg.from_torch(torch.relu_)(np.ones(2))
    with refused("from_torch takes a module, not its class: from_torch\\(Linear"):
        cg.from_torch(torch.nn.Linear)
    with refused("from_torch takes a function, not int 3"):
        cg.from_torch(3)
    with refused("device='warp': PyTorch cannot use it here: Expected one of cpu"):
        cg.from_torch(torch.sin, device="warp")
    with refused("f returned None; a forward returns its output"):
        cg.from_torch(lambda x: None, name="f")(np.ones(2))
    with refused("sin: PyTorch has no tensors for"):
        cg.from_torch(torch.sin)(np.ones(2, np.longdouble))
    with refused("LazyLinear makes weight at its first forward: call the module once before"):
        cg.from_torch(torch.nn.LazyLinear(2))
    with refused("from_torch takes no keyword 'dim' \\(did you mean 'dims'\\?\\)"):
        cg.from_torch(torch.sin, dim={})
    with refused("f has 2 float outputs; the double backward is checked of one"):
        cg.from_torch(lambda x: (x, x), name="f", double_backward=True)(np.ones(2), np.ones(2))


@pytest.mark.parametrize(
    ("adapter", "framework", "module", "extra"),
    [
        (cg.from_torch, "PyTorch", "torch", "torch"),
        (cg.from_jax, "JAX", "jax", "jax"),
        (cg.from_autograd, "autograd", "autograd", "autograd"),
    ],
)
def test_a_missing_framework(
    monkeypatch: pytest.MonkeyPatch, adapter: Any, framework: str, module: str, extra: str
) -> None:
    original = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == module:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with refused(f"^{adapter.__name__} needs {framework}: pip install 'cnngrad\\[{extra}\\]'$"):
        adapter(np.sin)
