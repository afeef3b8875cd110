"""What the small functions of a declaration raise is told as theirs; what they say has to be of its kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnngrad as cg


def layer(**facts: Any) -> cg.Layer:
    return cg.Layer(
        lambda x: (2 * x, lambda dy: (2 * dy,)),
        ("x",),
        "double",
        **{"dims": {"n": (1, 2)}, "shapes": lambda d: {"x": (d.n,)}, **facts},
    )


def raising(*_: Any) -> Any:
    return [][3]


class Unhashable:
    """A function that is no key of any cache."""

    __hash__ = None  # type: ignore[assignment]  # that is what it is about

    def __call__(self, d: Any) -> bool:
        return bool(d.n > 1)


THEIRS = r"the function declared as {}= raised IndexError: list index out of range \(line \d+ of .*test_asking.py\)"


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"shapes": raising}, THEIRS.format("shapes") + r" when given namespace\(n=1\): it is yours to correct"),
        ({"config": raising}, THEIRS.format("config")),
        ({"where": raising}, THEIRS.format("where")),
        ({"draw": {"x": raising}}, THEIRS.format("draw")),
        ({"features": {"odd": raising}}, THEIRS.format("features")),
        ({"where": lambda d: np.ones(2)}, "the function declared as where= raised ValueError: The truth value of an "),
        ({"shapes": lambda d: 3}, r"double: shapes gave 3; it gives a shape by name: \{'x': \(2, 3\)\}"),
        ({"config": lambda d: [1]}, r"double: config gave \[1\]; it gives keywords by name: \{'stride': 2\}"),
        ({"config": lambda d: {3: 1}}, r"double: config gave \{3: 1\}; it gives keywords by name: "),
        (
            {"draw": {"x": lambda *_: "ab"}},
            r"double: draw of x gave <U2 \(\); it gives an array of floats, or declare ",
        ),
        ({"draw": {"x": lambda *_: None}}, r"double: draw of x gave object \(\); it gives an array of floats, or "),
        ({"activation": np.ones(2)}, r"double: the activation array\(\[1., 1.\]\) is none of identity, relu, "),
        ({"reduction": np.ones(2)}, r"double: reduction=array\(\[1., 1.\]\) is no convention; accepted is 'mean', or "),
        ({"domain": {"x": (0, 10**400)}}, r"double: domain\['x'\] is \(0, 1000.*; it takes an open interval, lower "),
    ],
)
def test_what_is_said_of_it(facts: dict[str, Any], sentence: str) -> None:
    with pytest.raises(cg.UsageError, match=f"^{sentence}"):
        cg.check(layer(**facts), effort="quick")


@pytest.mark.parametrize(
    "facts", [{}, {"where": Unhashable()}, {"draw": {"x": lambda rng, shape, d: rng.normal(size=shape)}}]
)
def test_what_is_right_is_taken(facts: dict[str, Any]) -> None:
    assert cg.check(layer(**facts), effort="quick").ok


def test_the_original_error_is_the_cause() -> None:
    with pytest.raises(cg.UsageError) as raised:
        layer(where=raising).allows({"n": 1})
    assert isinstance(raised.value.__cause__, IndexError)


@pytest.mark.parametrize("gradient", [10**400, [10**400], "a", {}])
def test_a_gradient_that_is_no_array_is_refused(gradient: Any) -> None:
    wrong = cg.Layer(lambda x: (2 * x, lambda dy: (gradient,)), ("x",), "wrong", shapes={"x": (2,)})
    report = cg.check(wrong, effort="quick", raise_on_failure=False)
    assert report.status == "failed"
    assert "not an array of floats" in report.failures[0].reason
