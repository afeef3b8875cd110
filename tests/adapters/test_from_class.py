"""Every shape of class that ``from_class`` takes: at most five lines of glue, the right one passes, the wrong fails."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cnngrad.adapters import from_class
from cnngrad.core.case import Case
from cnngrad.core.layer import Layer
from cnngrad.report.data import GRADIENTS
from cnngrad.runner import check
from tests.adapters import their_classes as theirs
from tests.adapters.support import GOOD, error_of, lines_of_glue

SHAPES = {"x": (3, 4), "W": (4, 2), "b": (2,)}
LOSS = {"x": (3, 2), "t": (3, 2)}


def on_object(OnObject):
    return from_class(OnObject, shapes=SHAPES)


def grads_dict(GradsDict):
    return from_class(
        lambda: GradsDict(4, 2),
        params={"params['W']": "grads_['W']", "params['b']": "grads_['b']"},
        shapes={"x": (3, 4), "params['W']": (4, 2), "params['b']": (2,)},
    )


def underscored(Underscored):
    names = {"weight": "grad_weight", "bias": "grad_bias"}
    shapes = {"x": (3, 4), "weight": (4, 2), "bias": (2,)}
    build, grad = (lambda weight: Underscored(*weight.shape)), "grad_input"
    return from_class(build, names, "forward_pass", "backprop", input_gradient=grad, shapes=shapes)


def dict_of_each(DictOfEach):
    params = {"W['value']": "W['grad']", "b['value']": "b['grad']"}
    return from_class(DictOfEach, params, shapes={"x": (3, 4), "W['value']": (4, 2), "b['value']": (2,)})


def parameter_objects(ParameterObjects):
    return from_class(ParameterObjects, {"W": "W.grad", "b": "b.grad"}, "__call__", "propagate", shapes=SHAPES)


def properties_and_methods(Properties):
    return from_class(Properties, {"W": "weight_gradient", "b": "get_bias_gradient()"}, shapes=SHAPES)


def list_of_gradients(ListOfGradients):
    params = {"weights[0]": "gradients[0]", "weights[1]": "gradients[1]"}
    shapes = {"x": (3, 4), "weights[0]": (4, 2), "weights[1]": (2,)}
    return from_class(lambda: ListOfGradients((4, 2)), params, shapes=shapes)


def step(Step):
    return from_class(Step, params=("W", "b"), update="step", shapes=SHAPES)


def step_by_function(Step):
    return from_class(Step, params=("W", "b"), update=lambda obj, rate: obj.step(rate), shapes=SHAPES)


def backward_with_rate(BackwardWithRate):
    return from_class(BackwardWithRate, params=("W", "b"), backward_takes=("dy", "rate"), shapes=SHAPES)


def rate_on_object(RateOnObject):
    return from_class(RateOnObject, params=("W", "b"), update="lr", shapes=SHAPES)


def fixed_rate(FixedRate):
    return from_class(FixedRate, params=("W", "b"), update=lambda obj, rate: None, rate=0.5, shapes=SHAPES)


def returns_tuple(ReturnsTuple):
    return from_class(ReturnsTuple, params={"W": "return[1]", "b": "return[2]"}, shapes=SHAPES)


def returns_nested(ReturnsNested):
    return from_class(ReturnsNested, params={"W": "return[1][0]", "b": "return[1][1]"}, shapes=SHAPES)


def returns_dict(ReturnsDict):
    params = {"W": "return['dW']", "b": "return['db']"}
    return from_class(ReturnsDict, params, input_gradient="return['dx']", shapes=SHAPES)


def made_at_first_forward(MadeAtFirstForward):
    return from_class(MadeAtFirstForward, config={"units": 2}, shapes=SHAPES)


def compiled(Compiled):
    return from_class(Compiled, setup=(lambda obj, x: obj.compile(x.shape), "train"), shapes=SHAPES)


def first_layer(FirstLayer):
    return from_class(FirstLayer, input_gradient=None, shapes=SHAPES)


def accumulates(Accumulates):
    return from_class(Accumulates, accumulates=True, shapes=SHAPES)


def samples_in_columns(SamplesInColumns):
    return from_class(SamplesInColumns, shapes={"x": (4, 3), "W": (4, 2), "b": (2,)})


def channels_last(ChannelsLast):
    return from_class(ChannelsLast, params={"g": "dg"}, shapes={"x": (2, 4, 6, 3), "g": (3,)})


def single_image(SingleImage):
    return from_class(SingleImage, params={"W": "dW"}, shapes={"x": (5, 6), "W": (2, 2)})


def keeps_result(KeepsResult):
    forward = lambda obj, x: (obj.forward(x), obj.output)[1]  # noqa: E731 - short as a user writes it
    backward = lambda obj, dy: (setattr(obj, "output_grad", dy), obj.backward())  # noqa: E731 - short as a user writes it
    return from_class(KeepsResult, forward=forward, backward=backward, input_gradient="input_grad", shapes=SHAPES)


def two_inputs(Product):
    return from_class(Product, params=(), input=("a", "b"), shapes={"a": (3,), "b": (3,)})


def loss_without_dy(SquaredError):
    return from_class(SquaredError, params=(), input=("x", "t"), constants="t", shapes=LOSS)


def loss_of_its_arguments(SquaredErrorOfBoth):
    return from_class(
        SquaredErrorOfBoth, (), input=("x", "t"), backward_takes=("t", "x"), constants=("t",), shapes=LOSS
    )


def loss_with_optional_dy(SquaredErrorScaled):
    return from_class(SquaredErrorScaled, params=(), input=("x", "t"), constants=("t",), shapes=LOSS)


GLUES = [
    (on_object, theirs.OnObject),
    (grads_dict, theirs.GradsDict),
    (underscored, theirs.Underscored),
    (dict_of_each, theirs.DictOfEach),
    (parameter_objects, theirs.ParameterObjects),
    (properties_and_methods, theirs.Properties),
    (list_of_gradients, theirs.ListOfGradients),
    (step, theirs.Step),
    (step_by_function, theirs.Step),
    (backward_with_rate, theirs.BackwardWithRate),
    (rate_on_object, theirs.RateOnObject),
    (fixed_rate, theirs.FixedRate),
    (returns_tuple, theirs.ReturnsTuple),
    (returns_nested, theirs.ReturnsNested),
    (returns_dict, theirs.ReturnsDict),
    (made_at_first_forward, theirs.MadeAtFirstForward),
    (compiled, theirs.Compiled),
    (first_layer, theirs.FirstLayer),
    (accumulates, theirs.Accumulates),
    (samples_in_columns, theirs.SamplesInColumns),
    (channels_last, theirs.ChannelsLast),
    (single_image, theirs.SingleImage),
    (keeps_result, theirs.KeepsResult),
    (two_inputs, theirs.Product),
    (loss_without_dy, theirs.SquaredError),
    (loss_of_its_arguments, theirs.SquaredErrorOfBoth),
    (loss_with_optional_dy, theirs.SquaredErrorScaled),
]
every_glue = pytest.mark.parametrize(("glue", "cls"), GLUES, ids=[glue.__name__ for glue, _ in GLUES])


def wrong(cls: type) -> type:
    return type(cls.__name__, (cls,), {"wrong": True})


@every_glue
def test_right_class_agrees_with_central_differences(glue: Callable[..., Layer], cls: type) -> None:
    assert error_of(glue(cls)) < GOOD


@every_glue
def test_wrong_class_does_not(glue: Callable[..., Layer], cls: type) -> None:
    assert error_of(glue(wrong(cls))) > 1e-3


@every_glue
def test_the_verdict_is_right(glue: Callable[..., Layer], cls: type) -> None:
    for each, status in ((cls, "passed"), (wrong(cls), "failed")):
        report = check(glue(each), effort="quick", select=(GRADIENTS,), raise_on_failure=False, diagnose=False)
        assert report.status == status, str(report)


@every_glue
def test_glue_takes_at_most_five_lines(glue: Callable[..., Layer], cls: type) -> None:
    assert lines_of_glue(glue) <= 5


@every_glue
def test_calls_are_independent_and_leave_their_arguments_alone(glue: Callable[..., Layer], cls: type) -> None:
    layer = glue(cls)
    point = Case(values="normal").point(layer)
    before = [value.copy() for value in point.inputs]
    (y, back), (y_again, back_again) = layer(*point.inputs, **point.config), layer(*point.inputs, **point.config)
    dy = 1.0 if np.ndim(y) == 0 else np.arange(1.0, 1.0 + np.size(y)).reshape(np.shape(y))
    # The second backward before the first: an object of its own is behind each.
    later, earlier, repeated = back_again(dy), back(dy), back(dy)
    np.testing.assert_array_equal(y, y_again)
    for name, *three in zip(layer.inputs, earlier, later, repeated, strict=True):
        if name in layer.constants:
            assert three == [None, None, None]
        else:
            np.testing.assert_array_equal(three[0], three[1])
            np.testing.assert_array_equal(three[0], three[2])
    for value, old in zip(point.inputs, before, strict=True):
        np.testing.assert_array_equal(value, old)


@every_glue
def test_shared_object_gives_what_fresh_objects_give(glue: Callable[..., Layer], cls: type) -> None:
    layer = glue(cls)
    assert layer.shared is not None
    one, point = layer.shared(), Case(values="normal").point(layer)
    for seed in (1, 2):
        other = Case(values="normal", seed=seed).point(layer)
        moved = [other[n] if i == 0 else point[n] for i, n in enumerate(layer.inputs)]
        (y, back), (y_one, back_one) = layer(*moved, **point.config), one(*moved, **point.config)
        np.testing.assert_array_equal(y, y_one)
        for fresh, kept in zip(back(np.ones_like(y)), back_one(np.ones_like(y)), strict=True):
            assert (fresh is None) == (kept is None)
            if fresh is not None:
                np.testing.assert_allclose(fresh, kept, rtol=1e-12, atol=1e-12)
