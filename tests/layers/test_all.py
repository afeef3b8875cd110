"""What holds for every reference layer, at configurations drawn from those it declares."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from cnngrad import layers
from cnngrad.core.case import Case
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer

RANKED = (
    layers.conv1d,
    layers.conv2d,
    layers.conv3d,
    layers.true_conv1d,
    layers.true_conv2d,
    layers.true_conv3d,
)
EVERY = pytest.mark.parametrize("layer", layers.ALL + RANKED, ids=lambda layer: layer.name)


def points(layer, count, values="normal", seed=0):
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        dims = {name: int(rng.integers(low, high + 1)) for name, (low, high) in layer.dims.items()}
        if layer.allows(dims):
            found.append(Case(tuple(dims.items()), values=values, seed=len(found)).point(layer))
    return found


def cotangent(y, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 2, np.shape(y)) * np.sign(np.random.default_rng(9).normal())


def central_differences(layer, point, number, dy, indices, h=2.0**-20):
    """d<dy, y>/dx at the chosen entries of one input."""

    def loss(index, step):
        inputs = [np.array(value) for value in point.inputs]
        inputs[number][index] += step
        return np.sum(dy * layer(*inputs, **point.config)[0])

    return np.array([(loss(index, h) - loss(index, -h)) / (2 * h) for index in indices])


def some_entries(array, most=12):
    every = list(np.ndindex(array.shape))
    chosen = np.random.default_rng(1).permutation(len(every))[:most]
    return [every[i] for i in chosen]


def worst_difference(layer, count=5, values="normal"):
    worst = 0.0
    for point in points(layer, count, values):
        y, backward = layer(*point.inputs, **point.config)
        dy = cotangent(y)
        gradients = backward(dy)
        for number, name in enumerate(layer.inputs):
            if name in layer.constants:
                assert gradients[number] is None
                continue
            indices = some_entries(point.inputs[number])
            numeric = central_differences(layer, point, number, dy, indices)
            analytic = np.array([gradients[number][index] for index in indices])
            worst = max(worst, np.max(np.abs(analytic - numeric) / np.maximum(1, np.abs(numeric))))
    return worst


@EVERY
def test_gradients_are_those_of_the_forward(layer):
    assert worst_difference(layer) < 1e-6


@EVERY
def test_the_comparison_above_sees_a_wrong_factor(layer):
    def vjp(*inputs, **config):
        y, backward = layer(*inputs, **config)
        return y, lambda dy: tuple(None if g is None else 1.001 * g for g in backward(dy))

    assert not worst_difference(Layer(vjp, layer.inputs, layer.name, **_facts(layer)), count=3) < 1e-6


def _facts(layer):
    return {name: value for name, value in layer.facts.items() if name != "inputs"}


@EVERY
def test_shapes_and_precision_are_those_of_the_inputs(layer):
    for dtype in (np.float32, np.float64):
        for point in points(layer, 4):
            inputs = [np.asarray(value, dtype) for value in point.inputs]
            y, backward = layer(*inputs, **point.config)
            assert y.dtype == dtype
            for value, gradient in zip(inputs, backward(np.ones_like(y)), strict=True):
                assert gradient is None or (gradient.dtype, gradient.shape) == (dtype, value.shape)


@EVERY
def test_nothing_handed_in_is_changed_or_handed_out(layer):
    for point in points(layer, 4):
        inputs = [np.asfortranarray(value) if np.ndim(value) else np.asarray(value) for value in point.inputs]
        plain_y, plain = layer(*point.inputs, **point.config)
        dy = np.broadcast_to(np.float64(0.75), np.shape(plain_y))
        for value in inputs:
            value.flags.writeable = False
        y, backward = layer(*inputs, **point.config)
        first = backward(dy)
        assert all(not np.shares_memory(y, value) for value in inputs)
        assert np.allclose(y, plain_y, rtol=1e-13, atol=1e-14)
        # What comes out belongs to the caller: overwriting it must not reach the next backward.
        expected = [None if g is None else np.array(g) for g in plain(np.array(dy))]
        for gradient in (g for g in first if g is not None):
            assert not np.shares_memory(gradient, dy)
            gradient[...] = np.nan
        if np.ndim(y):
            y[...] = np.nan
        for again, right in zip(backward(dy), expected, strict=True):
            assert (again is None and right is None) or np.allclose(again, right, rtol=1e-13, atol=1e-15)


@EVERY
def test_strided_inputs_give_the_same(layer):
    for point in points(layer, 2):
        strided = [np.repeat(value, 2, axis=-1)[..., ::2] if np.ndim(value) else value for value in point.inputs]
        y, backward = layer(*point.inputs, **point.config)
        y_strided, backward_strided = layer(*strided, **point.config)
        assert np.allclose(y, y_strided, rtol=1e-13, atol=1e-14)
        for one, other in zip(backward(np.ones_like(y)), backward_strided(np.ones_like(y)), strict=True):
            assert (one is None and other is None) or np.allclose(one, other, rtol=1e-13, atol=1e-14)


@EVERY
def test_the_forward_is_a_function_of_complex_numbers_too(layer):
    rng = np.random.default_rng(5)
    for point in points(layer, 4):
        free = [name not in layer.constants for name in layer.inputs]
        directions = [rng.uniform(0.5, 1, np.shape(value)) for value in point.inputs]
        stepped = [
            value + 1e-30j * v if moves else value
            for value, v, moves in zip(point.inputs, directions, free, strict=True)
        ]
        y, backward = layer(*point.inputs, **point.config)
        dy = cotangent(y)
        forward = np.sum(dy * np.imag(layer(*stepped, **point.config)[0])) / 1e-30
        terms = [np.ravel(v * g) for v, g in zip(directions, backward(dy), strict=True) if g is not None]
        products = np.concatenate(terms)
        assert abs(forward - math.fsum(products)) <= 1e-12 * max(1, np.abs(products).sum())


@EVERY
def test_every_declared_feature_is_met(layer):
    missing = set(layer.features)
    for values in ("kink", "normal"):
        for point in points(layer, 150, values):
            missing -= {name for name in missing if layer.features[name](point)}
    assert not missing


@EVERY
def test_features_are_not_always_there(layer):
    drawn = points(layer, 150, "normal")
    assert not [name for name, holds in layer.features.items() if all(holds(point) for point in drawn)]


@EVERY
def test_a_cotangent_of_another_shape_is_refused(layer):
    (point,) = points(layer, 1)
    _, backward = layer(*point.inputs, **point.config)
    # A layer made of others leaves it to the last of them, which is the one that was given dy.
    last = re.sub(r"(true_)?conv[123]?d?$", "conv", layer.name)
    asked = {"relu_conv": "relu", "sigmoid_conv": "sigmoid"}.get(last, last)
    with pytest.raises(UsageError, match=rf"^{asked}: dy has shape \(7, 7\); it takes the shape of the output"):
        backward(np.ones((7, 7)))


@EVERY
def test_huge_and_tiny_inputs_give_numbers(layer):
    # Where a sum of products itself is no float64, no layer could return one: those stay at a size that fits.
    of_products = {"conv", "dense", "subsample", "neuron", "half_squared_error", "weight_decay", "batch_norm"}
    most = 1e100 if any(word in layer.name for word in of_products) else 1e307
    for point in points(layer, 3):
        for scale in (most, 1e-307, 0.0):
            inputs = [
                np.sign(value) * scale if name not in layer.constants else value
                for name, value in zip(layer.inputs, point.inputs, strict=True)
            ]
            y, backward = layer(*inputs, **point.config)
            assert np.isfinite(y).all()
            assert all(np.isfinite(g).all() for g in backward(np.ones_like(y)) if g is not None)


def test_the_list_names_every_derivation_once():
    names = [layer.name for layer in layers.ALL]
    assert len(set(names)) == len(names) == 21
    assert set(layers.__all__) >= {*names, *(f"{name}_vjp" for name in names), *(layer.name for layer in RANKED)}
    assert all(getattr(layers, layer.name) is layer for layer in layers.ALL)
