"""Functions of HIPS autograd as layers: right and wrong versions, and what the adapter says of a broken graph."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import cnngrad as cg

pytestmark = pytest.mark.integration
WIDE: dict[str, Any] = dict(dims={"n": (1, 2), "c": (1, 3)}, shapes=lambda d: {"x": (d.n, d.c), "w": (d.c, 2)})


@pytest.fixture
def autograd() -> ModuleType:
    pytest.importorskip("autograd.numpy")
    return pytest.importorskip("autograd")


def primitive(autograd: Any, factor: float) -> Callable[..., Any]:
    """``tanh(x w)``, right with a factor of 1."""

    @autograd.extend.primitive
    def tanh_dense(x: Any, w: Any) -> Any:
        return np.tanh(x @ w)

    autograd.extend.defvjp(
        tanh_dense,
        lambda y, x, w: lambda dy: (dy * (1 - factor * y**2)) @ w.T,
        lambda y, x, w: lambda dy: x.T @ (dy * (1 - y**2)),
    )
    function: Callable[..., Any] = tanh_dense
    return function


def verdict(layer: cg.Layer) -> str:
    return str(cg.check(layer, effort="quick", raise_on_failure=False).status)


@pytest.mark.parametrize(("factor", "expected"), [(1.0, "passed"), (2.0, "failed")])
def test_a_primitive(autograd: ModuleType, factor: float, expected: str) -> None:
    layer = cg.from_autograd(primitive(autograd, factor), ("x", "w"), **WIDE)
    assert layer.name == "tanh_dense"
    assert verdict(layer) == expected


def test_several_outputs_and_integers_among_them(autograd: ModuleType) -> None:
    layer = cg.from_autograd(lambda x: (x * x, [np.int64(3), 3 * x]), shapes={"x": (3,)})
    (square, three, triple), backward = layer(np.array([1.0, 2.0, 3.0]))
    assert (square.tolist(), int(three), triple.tolist()) == ([1, 4, 9], 3, [3, 6, 9])
    assert backward((np.ones(3), None, np.ones(3)))[0].tolist() == [5, 7, 9]
    assert backward((np.ones(3), None, None))[0].tolist() == [2, 4, 6]
    assert verdict(layer) == "passed"


def test_constants_and_configuration(autograd: ModuleType) -> None:
    layer = cg.from_autograd(lambda x, label, power: x[label] ** power, ("x", "label"), constants="label")
    y, backward = layer(np.array([2.0, 3.0]), np.array(1), power=2)
    assert (float(y), [None if g is None else g.tolist() for g in backward(1.0)]) == (9.0, [[0.0, 6.0], None])


def test_a_broken_graph_is_named(autograd: ModuleType) -> None:
    layer = cg.from_autograd(lambda x: np.sin(x._value), name="f", shapes={"x": (3,)})
    report = cg.check(layer, effort="quick", raise_on_failure=False, select=["gradients_match_forward"])
    assert report.status == "error"
    assert "no gradient passes through f: it computes with NumPy where autograd follows only" in str(report)


def test_messages(autograd: ModuleType) -> None:
    with pytest.raises(cg.UsageError, match="f: output 1 is float, but no gradient passes through it"):
        cg.from_autograd(lambda x: (2 * x, np.ones(2)), name="f")(np.ones(2))
    with pytest.raises(cg.UsageError, match="from_autograd takes a function, not int 3"):
        cg.from_autograd(3)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(cg.UsageError, match="f returned None; a forward returns its output"):
        cg.from_autograd(lambda x: None, name="f")(np.ones(2))
