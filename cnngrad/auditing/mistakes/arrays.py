"""What was handed in is changed in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.auditing.planting import INPUTS, Mistake, Site
from cnngrad.core.arrays import outputs_of
from cnngrad.core.layer import Backward, Vjp


def _spoil(value: Any, site: Site) -> None:
    """Change an array in place; a number cannot be."""
    if isinstance(value, np.ndarray) and value.ndim and value.flags.writeable:
        before = value.copy()
        value[...] = 0 if value.dtype.kind == "b" else value + 1
        site.note.compare(before, value)


def _by_forward(vjp: Vjp, site: Site) -> Vjp:
    def planted(*inputs: Any, **config: Any) -> tuple[Any, Backward]:
        kept = tuple(np.array(value)[()] for value in inputs)
        returned = vjp(*kept, **config)
        _spoil(inputs[site.position], site)
        return returned

    return planted


def _by_backward(vjp: Vjp, site: Site) -> Vjp:
    def planted(*inputs: Any, **config: Any) -> tuple[Any, Backward]:
        y, backward = vjp(*(np.array(value)[()] for value in inputs), **config)

        def spoiling(dy: Any) -> Any:
            gradients = backward(dy)
            _spoil(inputs[site.position], site)
            return gradients

        return y, spoiling

    return planted


def _dy(vjp: Vjp, site: Site) -> Vjp:
    def planted(*inputs: Any, **config: Any) -> tuple[Any, Backward]:
        y, backward = vjp(*inputs, **config)

        def spoiling(dy: Any) -> Any:
            gradients = [None if g is None else np.array(g) for g in outputs_of(backward(dy))]
            for part in outputs_of(dy):
                _spoil(part, site)
            return gradients

        return y, spoiling

    return planted


def _declared(site: Site) -> str:
    name = site.name or "dy"
    return f"that is declared: in_place=({name!r},)" if name in site.layer.in_place else ""


MISTAKES: tuple[Mistake, ...] = (
    Mistake("changed in place by forward", _by_forward, INPUTS, _declared),
    Mistake("changed in place by backward", _by_backward, INPUTS, _declared),
    Mistake("dy changed in place", _dy, impossible=_declared),
)
