"""JAX functions as layers: right and wrong versions, and what the adapter says where it cannot help."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import cnngrad as cg

pytestmark = pytest.mark.integration
WIDE: dict[str, Any] = dict(dims={"n": (1, 2), "c": (1, 3)}, shapes=lambda d: {"x": (d.n, d.c), "w": (d.c, 2)})
GRADIENTS = ("gradients_match_forward",)


@pytest.fixture
def jax() -> Iterator[ModuleType]:
    """JAX in float64, for as long as a test lasts."""
    module = pytest.importorskip("jax")
    before = module.config.jax_enable_x64
    module.config.update("jax_enable_x64", True)
    yield module
    module.config.update("jax_enable_x64", before)


def verdict(layer: cg.Layer) -> str:
    return str(cg.check(layer, effort="quick", raise_on_failure=False).status)


def custom_vjp(jax: Any, factor: float) -> Callable[..., Any]:
    """``tanh(x w)``, right with a factor of 1."""
    f = jax.custom_vjp(lambda x, w: jax.numpy.tanh(x @ w))

    def forward(x: Any, w: Any) -> Any:
        y = jax.numpy.tanh(x @ w)
        return y, (x, w, y)

    def backward(kept: Any, dy: Any) -> Any:
        x, w, y = kept
        dz = dy * (1 - factor * y**2)
        return dz @ w.T, x.T @ dz

    f.defvjp(forward, backward)
    function: Callable[..., Any] = f
    return function


def custom_jvp(jax: Any, factor: float) -> Callable[..., Any]:
    f = jax.custom_jvp(lambda x: jax.numpy.sin(x))
    f.defjvp(lambda primals, tangents: (f(*primals), factor * jax.numpy.cos(primals[0]) * tangents[0]))
    function: Callable[..., Any] = f
    return function


def through_numpy(jax: Any, factor: float) -> Callable[..., Any]:
    """NumPy code behind a callback, whose arrays JAX hands over read-only."""

    def called(function: Callable[..., Any], like: Any, *arrays: Any) -> Any:
        return jax.pure_callback(function, jax.ShapeDtypeStruct(like.shape, like.dtype), *arrays)

    f = jax.custom_vjp(lambda x: called(np.square, x, x))
    f.defvjp(
        lambda x: (called(np.square, x, x), x),
        lambda x, dy: (called(lambda x, dy: np.asarray(factor * 2 * x * dy), x, x, dy),),
    )
    function: Callable[..., Any] = f
    return function


@pytest.mark.parametrize(("factor", "expected"), [(1.0, "passed"), (2.0, "failed")])
def test_right_and_wrong(jax: ModuleType, factor: float, expected: str) -> None:
    assert verdict(cg.from_jax(custom_vjp(jax, factor), ("x", "w"), name="tanh", **WIDE)) == expected
    facts: dict[str, Any] = dict(dims={"n": (1, 3)}, shapes=lambda d: {"x": (d.n,)})
    assert verdict(cg.from_jax(custom_jvp(jax, factor), name="sine", **facts)) == expected
    assert verdict(cg.from_jax(through_numpy(jax, factor), name="square", **facts)) == expected


def test_several_outputs_and_integers_among_them(jax: ModuleType) -> None:
    def top(x: Any) -> Any:
        return {"square": x * x, "others": (jax.numpy.argmax(x), None, 3 * x)}

    layer = cg.from_jax(top, shapes={"x": (3,)})
    (square, place, triple), backward = layer(np.array([1.0, 2.0, 3.0]))
    assert (square.tolist(), int(place), triple.tolist()) == ([1, 4, 9], 2, [3, 6, 9])
    assert backward((np.ones(3), None, np.ones(3)))[0].tolist() == [5, 7, 9]
    assert backward((np.ones(3), None, None))[0].tolist() == [2, 4, 6]
    assert verdict(layer) == "passed"


def test_undefined_cotangents(jax: ModuleType) -> None:
    """``None`` for an input without a gradient, ``float0`` for an integer, symbolic zeros for what is not perturbed."""
    scaled = jax.custom_vjp(lambda x, t, k: k * x)
    scaled.defvjp(lambda x, t, k: (k * x, k), lambda k, dy: (k * dy, None, np.zeros((), jax.dtypes.float0)))
    names, shapes = ("x", "t", "k"), {"x": (3,), "t": (3,), "k": ()}
    draw = {"k": lambda rng, shape, d: np.array(3)}
    facts: dict[str, Any] = dict(name="scaled", constants="k", shapes=shapes, draw=draw)
    layer = cg.from_jax(scaled, names, zero_gradient="t", **facts)
    assert [None if g is None else g.tolist() for g in layer(np.ones(3), np.ones(3), 3)[1](np.ones(3))] == [
        [3, 3, 3],
        [0, 0, 0],
        None,
    ]
    assert verdict(layer) == "passed"
    assert verdict(cg.from_jax(scaled, names, **facts)) == "inconclusive"  # a gradient of zero, and nobody meant it

    def forward(x: Any, w: Any) -> Any:
        return x.value * w.value, (x.value if w.perturbed else None, w.value if x.perturbed else None)

    product = jax.custom_vjp(lambda x, w: x * w)
    product.defvjp(
        forward, lambda kept, dy: tuple(None if v is None else dy * v for v in reversed(kept)), symbolic_zeros=True
    )
    for constants in ((), ("x",), ("w",)):
        both = {"x": (3,), "w": (3,)}
        assert verdict(cg.from_jax(product, ("x", "w"), constants=constants, name="product", shapes=both)) == "passed"


def test_constants_and_configuration(jax: ModuleType) -> None:
    layer = cg.from_jax(lambda x, label, power: x[label] ** power, ("x", "label"), constants="label")
    y, backward = layer(np.array([2.0, 3.0]), np.array(1), power=2)
    assert (float(y), [None if g is None else g.tolist() for g in backward(1.0)]) == (9.0, [[0.0, 6.0], None])


def test_what_comes_back_can_be_written_to(jax: ModuleType) -> None:
    y, backward = cg.from_jax(jax.numpy.sin)(np.zeros(2))
    y += 1
    gradient = backward(np.ones(2))[0]
    gradient += 1
    assert (y.tolist(), gradient.tolist()) == ([1, 1], [2, 2])


def test_float32_is_kept(jax: ModuleType) -> None:
    y, backward = cg.from_jax(jax.numpy.sin)(np.zeros(2, np.float32))
    assert (y.dtype, backward(np.ones(2, np.float32))[0].dtype) == (np.float32, np.float32)


def test_how_to_enable_float64_is_said(jax: ModuleType) -> None:
    jax.config.update("jax_enable_x64", False)
    layer = cg.from_jax(jax.numpy.sin, shapes={"x": (3,)})
    with pytest.raises(
        cg.UsageError, match=r'sin was given float64, .* say jax\.config\.update\("jax_enable_x64", True\)'
    ):
        cg.check(layer)
    assert layer(np.zeros(2, np.float32))[0].dtype == np.float32


def test_messages(jax: ModuleType) -> None:
    with pytest.raises(cg.UsageError, match=r"f hands a traced JAX array to NumPy: compute with jax\.numpy, or"):
        cg.from_jax(lambda x: np.sin(np.asarray(x)), name="f")(np.ones(2))
    for write in (lambda x: x.__setitem__(0, 1.0), lambda x: np.asarray(jax.numpy.ones(2)).__setitem__(0, 1.0)):
        with pytest.raises(cg.UsageError, match=r"f writes into an array of JAX's, which are read-only: x = x\.at"):
            cg.from_jax(write, name="f")(np.ones(2))
    with pytest.raises(cg.UsageError, match="from_jax takes a function, not int 3"):
        cg.from_jax(3)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(cg.UsageError, match="f returned None; a forward returns its output"):
        cg.from_jax(lambda x: None, name="f")(np.ones(2))
    with pytest.raises(cg.UsageError, match="from_jax takes no keyword 'device'"):
        cg.from_jax(jax.numpy.sin, device="cpu")
