"""Which part of a layer made of others is wrong by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnngrad.checks.parts import wrong_parts
from cnngrad.core.case import Case, point_from_arrays
from cnngrad.core.layer import Layer


def times(share_x: float = 1, share_w: float = 1) -> Layer:
    """A product, whose gradients are right or times a share."""

    def vjp(x: Any, w: Any) -> Any:
        return x * w, lambda dy: (share_x * w * dy, share_w * x * dy)

    return Layer(vjp, ("x", "w"), f"times {share_x:g} {share_w:g}")


def made_of(*parts: Layer) -> Layer:
    """Each part takes the product of those before it, and w."""

    def flow(x: Any, w: Any) -> list[Any]:
        return [(f"T{n}", part, (x * w**n, w)) for n, part in enumerate(parts)]

    return Layer(times().vjp, ("x", "w"), "net", parts=flow)


def test_parts_that_are_wrong_by_themselves_are_named_with_their_inputs() -> None:
    x, w = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    net = made_of(times(), times(2), times(2, 3), times())
    first, second = wrong_parts(net, point_from_arrays(net, (x, w), {}, Case(seed=7)))
    assert str(first) == "stage T1 (times 2 1) alone is wrong for x"
    assert str(second) == "stage T2 (times 2 3) alone is wrong for x, w"
    assert [array.tolist() for array in second.point.inputs] == [[9.0, 32.0], [3.0, 4.0]]
    assert second.point.case == Case(seed=7)
    assert (second.name, second.layer.name, second.inputs) == ("T2", "times 2 3", ("x", "w"))


def test_no_part_is_named_where_all_are_right_or_there_are_none() -> None:
    for layer in (made_of(times(), times()), times(2)):
        assert wrong_parts(layer, point_from_arrays(layer, (np.ones(2), np.ones(2)), {}, Case())) == []
