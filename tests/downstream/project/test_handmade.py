"""The gate: a plain test, a suite, and one item for each layer and check."""

import handmade
import numpy as np

import cnngrad as cg

dense = cg.from_class(
    handmade.Dense,
    dims={"n": (1, 3), "d": (1, 3), "m": (1, 3)},
    shapes=lambda d: {"x": (d.n, d.d), "W": (d.d, d.m), "b": (d.m,)},
    batch_axis=0,
)
relu = cg.from_functions(handmade.relu_forward, handmade.relu_backward, inputs="x", shapes={"x": (3, 4)}, name="relu")


def test_relu_at_its_own_numbers():
    assert cg.check(relu, np.array([[-1.5, 2.0, 0.5]])).ok


class TestDense(cg.LayerSuite):
    layer = dense


@cg.parametrize_with_checks([relu], exclude=["gradients_agree_in_float32"])
def test_gradients(layer, check):
    check(layer)
