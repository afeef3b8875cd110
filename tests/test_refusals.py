"""cg.check: what it refuses, and the sentence it says then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad.report.data import GRADIENTS
from tests.test_runner import DIMS, W, X, dense


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (
            (dense(),),
            {},
            "dense declares no shapes, so there is nothing to draw inputs from: pass arrays, cg.check(layer, x, w), "
            "or add to the layer  shapes={'x': (2, 3), 'w': (2, 3)}",
        ),
        ((dense(), X), {}, "dense takes 2 inputs (x, w), 1 were given"),
        ((dense(), X, W, W), {}, "dense takes 2 inputs (x, w), 3 were given"),
        (
            (dense(), X, "abc"),
            {},
            "dense: w is <U3 (); a differentiated input holds floats: pass w.astype(float), or declare it with "
            "constants=('w',)",
        ),
        (
            (dense(), X.astype(int), W),
            {},
            "dense: x is int64 (2, 3); a differentiated input holds floats: pass x.astype(float), or declare it with "
            "constants=('x',)",
        ),
        (
            (dense(), X, np.array([[None, None]])),
            {},
            "dense: w is object (1, 2); a differentiated input holds floats: pass w.astype(float), or declare it with "
            "constants=('w',)",
        ),
        (
            (dense(), X, W),
            {"effort": "huge"},
            "effort 'huge' is not one of quick, normal, thorough, exhaustive",
        ),
        ((dense(), X, W), {"select": (GRADIENTS,), "exclude": (GRADIENTS,)}, "select and exclude together leave no "),
        (
            (np.tanh, X),
            {},
            "check takes a Layer, not ufunc <ufunc 'tanh'>: wrap a function pair with cg.from_functions, a class with "
            "cg.from_class, or write cg.Layer(vjp, inputs=(...))",
        ),
        (
            (dense(where=lambda d: False, **DIMS),),
            {},
            "dense: where= excludes every configuration that was tried; widen dims or where",
        ),
        (
            (dense(**DIMS),),
            {"case": "n=1"},
            "the case 'n=1 values=lattice seed=0' does not fit dense, whose dims are n, d; missing: d",
        ),
        (
            (dense(**DIMS),),
            {"case": "n=1 d=many"},
            "'d=many' in the case 'n=1 d=many' is not name=<whole number>, name=(2,3), values=<rule> or "
            "seed=<whole number>",
        ),
        (
            (dense(),),
            {"case": "values=file:nowhere.npz seed=0"},
            "cannot read the saved case nowhere.npz: [Errno 2] No such file or directory: 'nowhere.npz'",
        ),
        (
            (cg.Layer(lambda x: 3 * x, ("x",), "triple"), X),
            {},
            "triple: vjp returned ndarray, not (y, backward) with a function backward(dy); a forward/backward pair is "
            "wrapped with cg.from_functions",
        ),
    ],
)
def test_what_cannot_be_checked_is_refused(arguments: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(cg.UsageError) as error:
        cg.check(*arguments, **options)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("options", [{"select": ("nonsense",)}, {"exclude": ("nonsense",)}])
def test_an_unknown_check_is_refused_with_the_known_ones(options: Any) -> None:
    with pytest.raises(cg.UsageError, match=rf"^there is no check 'nonsense'; there are {GRADIENTS}, "):
        cg.check(dense(), X, W, **options)


def test_rows_of_different_length_are_refused() -> None:
    with pytest.raises(cg.UsageError, match=r"^dense: x is no array: setting an array element with a sequence"):
        cg.check(dense(), [[1.0], [2.0, 3.0]], W)


def test_a_forward_that_raises_at_the_first_point_names_the_shapes() -> None:
    with pytest.raises(cg.UsageError) as error:
        cg.check(dense(), X, W.T, config={"scale": 2.0})
    message = str(error.value)
    assert message.startswith("dense: the forward raised ValueError: matmul: ")
    assert message.endswith(
        " at the first point, so nothing could be checked. It was given x float64 (2, 3), w float64 (2, 3) and "
        "{'scale': 2.0}. Do the shapes fit the layer, and the inputs stand in its order?"
    )
    assert isinstance(error.value.__cause__, ValueError)
