"""Convolution and box pooling by ``scipy.signal``, map by map; zeros between entries make strides and dilation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnngrad.core.arrays import Array
from cnngrad.core.errors import UsageError
from cnngrad.oracles.oracle import Config, Gradients, Inputs
from cnngrad.oracles.windows import Place, per_axis


def valid(operation: Callable[..., Array], image: Array, kernel: Array) -> Array:
    """``operation(image, kernel, "valid")`` where the kernel fits; SciPy swaps the two in silence where it does not.

    Raises:
        UsageError: the kernel is larger than the image along an axis.

    >>> from scipy.signal import correlate
    >>> valid(correlate, np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0])).tolist()
    [3.0, 5.0]
    """
    if any(k > s for k, s in zip(kernel.shape, image.shape, strict=True)):
        raise UsageError(
            f"a kernel of shape {kernel.shape} does not fit into {image.shape}: "
            "scipy.signal would swap the two; pad the image, or use mode='full'"
        )
    return operation(image, kernel, mode="valid", method="direct")


def full(operation: Callable[..., Array], image: Array, kernel: Array) -> Array:
    """``operation(image, kernel, "full")``, never by FFT, which rounds."""
    return operation(image, kernel, mode="full", method="direct")


def spread(values: Array, steps: Place) -> Array:
    """Zeros between the entries, so that neighbours lie ``steps`` apart.

    >>> spread(np.array([1.0, 2.0]), (3,)).tolist()
    [1.0, 0.0, 0.0, 2.0]
    """
    out = np.zeros([(side - 1) * step + 1 for side, step in zip(values.shape, steps, strict=True)])
    out[every(steps)] = values
    return out


def every(steps: Place) -> tuple[slice, ...]:
    """The slices that take every step-th entry of each axis."""
    return tuple(slice(None, None, step) for step in steps)


def _every_map(steps: Place) -> tuple[slice, ...]:
    """The same behind the axes of samples and maps."""
    return (slice(None), slice(None), *every(steps))


def padded(values: Array, pad: Place) -> Array:
    """Zeros around the image."""
    return np.pad(values, [(p, p) for p in pad])


def fitted(values: Array, sides: Place) -> Array:
    """Zeros appended up to ``sides``: the entries that no window reached."""
    return np.pad(values, [(0, side - had) for side, had in zip(sides, values.shape, strict=True)])


def cropped(values: Array, pad: Place) -> Array:
    """Without ``pad`` entries at each end."""
    return values[tuple(slice(p, side - p) for p, side in zip(pad, values.shape, strict=True))]


def geometry(config: Config, rank: int) -> tuple[Place, Place, Place]:
    """Stride, padding and dilation, one number an axis."""
    return (
        per_axis(config.get("stride", 1), rank),
        per_axis(config.get("pad", 0), rank),
        per_axis(config.get("dilation", 1), rank),
    )


def correlation(inputs: Inputs, config: Config) -> Array:
    """``y[n,f] = b[f] + sum_c corr_valid(pad(x[n,c]), spread(w[f,c], d))``, every s-th entry (seeds 000, 003).

    >>> ones = {"x": np.array([[[1.0, 2.0, 3.0]]]), "w": np.array([[[1.0, 10.0]]]), "b": np.zeros(1)}
    >>> correlation(ones, {}).tolist()
    [[[21.0, 32.0]]]
    """
    from scipy.signal import correlate

    return _forward(correlate, inputs, config)


def convolution(inputs: Inputs, config: Config) -> Array:
    """``y[n,f] = b[f] + sum_c conv_valid(pad(x[n,c]), spread(w[f,c], d))``, every s-th entry (seed 004).

    >>> ones = {"x": np.array([[[1.0, 2.0, 3.0]]]), "w": np.array([[[1.0, 10.0]]]), "b": np.zeros(1)}
    >>> convolution(ones, {}).tolist()
    [[[12.0, 23.0]]]
    """
    from scipy.signal import convolve

    return _forward(convolve, inputs, config)


def _forward(operation: Callable[..., Array], inputs: Inputs, config: Config) -> Array:
    x, w, b = inputs["x"], inputs["w"], inputs["b"]
    stride, pad, dilation = geometry(config, x.ndim - 2)
    maps = [
        [
            b[f]
            + sum(valid(operation, padded(image, pad), spread(w[f, c], dilation)) for c, image in enumerate(sample))
            for f in range(w.shape[0])
        ]
        for sample in x
    ]
    return np.array(maps)[_every_map(stride)]


def correlation_gradients(inputs: Inputs, config: Config, dy: Array) -> Gradients:
    """``dx`` by full convolution; ``dw = sum_n corr_valid(pad(x[n,c]), spread(dy[n,f], s))``, every d-th, K of them.

    >>> ones = {"x": np.array([[[1.0, 2.0, 3.0]]]), "w": np.array([[[1.0, 10.0]]]), "b": np.zeros(1)}
    >>> correlation_gradients(ones, {}, np.array([[[1.0, 2.0]]]))["w"].tolist()
    [[[5.0, 8.0]]]
    """
    from scipy.signal import convolve, correlate

    def kernel_gradient(image: Array, delta: Array, taps: Place, steps: Place) -> Array:
        whole = valid(correlate, image, delta)
        return whole[tuple(slice(0, (k - 1) * d + 1, d) for k, d in zip(taps, steps, strict=True))]

    return _backward(convolve, kernel_gradient, inputs, config, dy)


def convolution_gradients(inputs: Inputs, config: Config, dy: Array) -> Gradients:
    """``dx`` by full correlation; ``dw = sum_n conv_valid(flip(pad(x[n,c])), spread(dy[n,f], s))``, every d-th of the
    last entries, since flipping puts a remainder first.

    >>> ones = {"x": np.array([[[1.0, 2.0, 3.0]]]), "w": np.array([[[1.0, 10.0]]]), "b": np.zeros(1)}
    >>> convolution_gradients(ones, {}, np.array([[[1.0, 2.0]]]))["w"].tolist()
    [[[8.0, 5.0]]]
    """
    from scipy.signal import convolve, correlate

    def kernel_gradient(image: Array, delta: Array, taps: Place, steps: Place) -> Array:
        whole = valid(convolve, np.flip(image), delta)
        first = [side - (k - 1) * d - 1 for side, k, d in zip(whole.shape, taps, steps, strict=True)]
        return whole[tuple(slice(start, None, d) for start, d in zip(first, steps, strict=True))]

    return _backward(correlate, kernel_gradient, inputs, config, dy)


def _backward(
    spreading: Callable[..., Array],
    kernel_gradient: Callable[[Array, Array, Place, Place], Array],
    inputs: Inputs,
    config: Config,
    dy: Array,
) -> Gradients:
    x, w = inputs["x"], inputs["w"]
    stride, pad, dilation = geometry(config, x.ndim - 2)
    whole = tuple(side + 2 * p for side, p in zip(x.shape[2:], pad, strict=True))
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for n, f, c in np.ndindex(x.shape[0], *w.shape[:2]):
        delta = spread(dy[n, f], stride)
        dx[n, c] += cropped(fitted(full(spreading, delta, spread(w[f, c], dilation)), whole), pad)
        dw[f, c] += kernel_gradient(padded(x[n, c], pad), delta, w.shape[2:], dilation)
    return {"x": dx, "w": dw, "b": dy.sum(axis=(0, *range(2, dy.ndim)))}


def box_sums(x: Array, window: Place, stride: Place, pad: Place) -> Array:
    """The sum over each window: a correlation with a box of ones, sliced.

    >>> box_sums(np.array([[[1.0, 2.0, 3.0]]]), (2,), (1,), (0,)).tolist()
    [[[3.0, 5.0]]]
    """
    from scipy.signal import correlate

    maps = [[valid(correlate, padded(image, pad), np.ones(window)) for image in sample] for sample in x]
    return np.array(maps)[_every_map(stride)]


def box_spread(dy: Array, sides: Place, window: Place, stride: Place, pad: Place) -> Array:
    """The adjoint of :func:`box_sums`: the spread ``dy`` convolved with the box.

    >>> box_spread(np.array([[[1.0, 2.0]]]), (3,), (2,), (1,), (0,)).tolist()
    [[[1.0, 3.0, 2.0]]]
    """
    from scipy.signal import convolve

    whole = tuple(side + 2 * p for side, p in zip(sides, pad, strict=True))

    def back(delta: Array) -> Array:
        return cropped(fitted(full(convolve, spread(delta, stride), np.ones(window)), whole), pad)

    return np.array([[back(delta) for delta in sample] for sample in dy])
