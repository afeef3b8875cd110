"""A JAX function with a ``custom_vjp``: every row scaled to length 1.

    cnngrad check examples/jax_custom_vjp/layers.py:right
    cnngrad check examples/jax_custom_vjp/layers.py:wrong

``wrong`` takes the length for a constant: it forgets that the part of ``dy`` along ``y`` changes nothing.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

import cnngrad as cg

# JAX computes in float32 unless told otherwise, before its first use.
jax.config.update("jax_enable_x64", True)


def length_of(x):
    return jnp.sqrt(jnp.sum(x * x, axis=1, keepdims=True))


@jax.custom_vjp
def unit_rows(x):
    """``y = x / |x|`` for every row of ``x (n, c)``."""
    return x / length_of(x)


def forward(x):
    length = length_of(x)
    return x / length, (x / length, length)


def backward(kept, dy):
    y, length = kept
    return ((dy - y * jnp.sum(dy * y, axis=1, keepdims=True)) / length,)


unit_rows.defvjp(forward, backward)


@jax.custom_vjp
def unit_rows_wrong(x):
    return x / length_of(x)


unit_rows_wrong.defvjp(forward, lambda kept, dy: (dy / kept[1],))

# The glue: which sizes to try, and the shape of the input in them; a row of zeros has no direction.
facts = dict(dims={"n": (1, 2), "c": (2, 3)}, shapes=lambda d: {"x": (d.n, d.c)}, batch_axis=0, domain={"x": (0, 9)})
right = cg.from_jax(unit_rows, inputs="x", **facts)
wrong = cg.from_jax(unit_rows_wrong, inputs="x", **facts)
