"""What ``from_class`` does around someone's object: state, weights, updates in place, stubs."""

from __future__ import annotations

import numpy as np
import pytest

from cnngrad.adapters import from_class
from cnngrad.core.errors import UsageError
from tests.adapters import their_classes as theirs
from tests.adapters.support import GOOD, error_of


def test_shared_object_shows_a_stale_cache() -> None:
    """Only the backward of the latest forward is valid: the one before works on the later input."""
    layer = from_class(theirs.OnObject)
    W, b, dy = np.ones((4, 2)), np.ones(2), np.ones((3, 2))
    one = layer.shared()
    _, back = one(np.ones((3, 4)), W, b)
    one(2 * np.ones((3, 4)), W, b)
    assert back(dy)[1].tolist() == (6 * np.ones((4, 2))).tolist()


def test_shared_object_keeps_its_weights() -> None:
    one = from_class(theirs.OnObject).shared()
    x, W, b = np.ones((3, 4)), np.ones((4, 2)), np.ones(2)
    one(x, W, b)
    with pytest.raises(UsageError, match="keeps the weights and the configuration of its first call"):
        one(x, 2 * W, b)
    configured = from_class(theirs.MadeAtFirstForward).shared()
    configured(x, W, b, units=2)
    with pytest.raises(UsageError, match="keeps the weights and the configuration of its first call"):
        configured(x, W, b, units=3)


def test_undeclared_accumulation_shows_in_a_second_backward() -> None:
    layer = from_class(theirs.Accumulates)
    _, back = layer(np.ones((3, 4)), np.ones((4, 2)), np.ones(2))
    first, second = back(np.ones((3, 2))), back(np.ones((3, 2)))
    assert (second[1] == 2 * first[1]).all()


def test_update_in_place_keeps_the_digits_of_the_gradient() -> None:
    """Old - new is divided by a rate so large that the weights' own size costs no digits."""
    x, W, b, dy = np.ones((1, 4)), np.full((4, 2), 1e3), np.ones(2), np.full((1, 2), 1e-7 / 3)
    by_update = from_class(theirs.Step, params=("W", "b"), update="step")(x, W, b)[1](dy)[1]
    read = from_class(theirs.OnObject)(x, W, b)[1](dy)[1]
    np.testing.assert_allclose(by_update, read, rtol=1e-9)
    small = from_class(theirs.Step, params=("W", "b"), update="step", rate=1e-3)
    assert not np.allclose(small(x, W, b)[1](dy)[1], read, rtol=1e-5, atol=0)


def test_loss_without_dy_is_scaled_by_it() -> None:
    x, t = np.array([[3.0]]), np.array([[1.0]])
    loss, back = from_class(theirs.SquaredError, params=(), input=("x", "t"), constants="t")(x, t)
    dx, dt = back(-5.0)
    assert (loss, dx.tolist(), dt) == (2.0, [[-10.0]], None)


def test_random_weights_of_a_constructor_are_replaced_but_a_rearranged_copy_is_kept() -> None:
    class OwnNumbers(theirs.OnObject):
        def __init__(self, W, b):
            super().__init__(np.ones_like(W), np.ones_like(b))

    class Transposed(theirs.OnObject):
        def __init__(self, W, b):
            super().__init__(W.T.astype(np.float32), b)

        def forward(self, x):
            return x @ self.W.T + self.b

    x, W, b = np.ones((1, 2)), np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros(2)
    for cls in (OwnNumbers, Transposed):
        assert from_class(cls)(x, W, b)[0].tolist() == [[4.0, 6.0]]


def test_output_is_handed_on_itself() -> None:
    class Identity:
        def forward(self, x):
            x += 1
            return x

        def backward(self, dy):
            return dy

    x, dy = np.zeros(2), np.ones(2)
    y, back = from_class(Identity, params=())(x)
    assert y is x
    assert back(dy)[0] is dy


def test_gradients_on_the_object_are_taken_as_they_stand() -> None:
    class OneBuffer(theirs.OnObject):
        def backward(self, dy):
            buffer = getattr(self, "dW", np.empty_like(self.W))
            dx = super().backward(dy)
            buffer[...] = self.dW
            self.dW = buffer
            return dx

    _, back = from_class(OneBuffer)(np.ones((1, 1)), np.ones((1, 1)), np.ones(1))
    first, _ = back(np.ones((1, 1)))[1], back(np.full((1, 1), 7.0))
    assert first.tolist() == [[1.0]]


def test_constant_parameter_has_no_gradient() -> None:
    layer = from_class(theirs.OnObject, constants=("b",), shapes={"x": (3, 4), "W": (4, 2), "b": (2,)})
    _, back = layer(np.ones((3, 4)), np.ones((4, 2)), np.ones(2))
    assert back(np.ones((3, 2)))[2] is None
    assert error_of(layer) < GOOD


def test_stub_comes_through_as_it_is() -> None:
    class Stub(theirs.OnObject):
        def backward(self, dy):
            raise NotImplementedError("to do")

    class ForwardStub(theirs.MadeAtFirstForward):
        def forward(self, x):
            raise NotImplementedError("to do as well")

    x, W, b = np.ones((3, 4)), np.ones((4, 2)), np.ones(2)
    with pytest.raises(NotImplementedError, match=r"^to do$"):
        from_class(Stub)(x, W, b)[1](np.ones((3, 2)))
    with pytest.raises(NotImplementedError, match="to do as well"):
        from_class(ForwardStub)(x, W, b, units=2)


def test_trial_forward_leaves_no_trace() -> None:
    class AddsInPlace(theirs.MadeAtFirstForward):
        def forward(self, x):
            x += 1
            return super().forward(x)

    class NeedsWeightsFirst:
        calls = 0

        def forward(self, x):
            self.calls += 1
            return self.calls * self.W * x

        def backward(self, dy):
            return dy

    once = from_class(AddsInPlace)(np.zeros((1, 2)), np.ones((2, 1)), np.zeros(1), units=1)
    assert once[0].tolist() == [[2.0]]
    first_call = from_class(NeedsWeightsFirst, params={"W": "dW"})(np.ones(1), np.full(1, 5.0))
    assert first_call[0].tolist() == [5.0]
