"""A layer's declarations: what they mean, and every sentence that refuses one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnngrad.core.declarations import KINDS
from cnngrad.core.errors import GradientMismatch, LayerRaised, NotVerified, UsageError
from cnngrad.core.layer import Layer


def scale_vjp(x: Any, s: Any, k: int = 1) -> Any:
    return k * s * x, lambda dy: (k * s * dy, k * np.sum(dy * x))


loosely: Any = Layer  # as a user without a type checker calls it


def layer(**declared: Any) -> Layer:
    return Layer(scale_vjp, **{"inputs": ("x", "s"), **declared})


def test_the_name_is_the_functions_own_or_the_given_one() -> None:
    class Callable:
        def __call__(self, x: Any) -> Any: ...

    assert repr(layer()) == "Layer(scale: x, s)"
    assert layer(name="times").name == "times"
    assert loosely(Callable(), "x").name == "Callable"


def test_one_name_may_stand_for_a_tuple_of_one() -> None:
    declared = loosely(scale_vjp, "xw", constants="xw", zero_gradient="xw", in_place="dy")
    assert declared.inputs == declared.constants == declared.zero_gradient == ("xw",)
    assert declared.in_place == ("dy",)
    assert layer(inputs=["x", "s"]).inputs == ("x", "s")


def test_a_layer_is_the_function_it_holds() -> None:
    y, backward = layer()(np.ones(2), 3.0, k=2)
    assert y.tolist() == [6.0, 6.0]
    assert backward(np.ones(2))[1] == 4.0


def test_constants_are_not_differentiated() -> None:
    assert layer(constants=("s",)).differentiable == ("x",)
    assert layer().differentiable == ("x", "s")


def test_the_facts_are_all_but_the_function_the_name_and_the_shared_object() -> None:
    declared = layer(dims={"n": (1, 2)}, in_place=("x",), name="times", shared=lambda: scale_vjp)
    facts = declared.facts
    assert {"vjp", "name", "shared"}.isdisjoint(facts)
    again = Layer(scale_vjp, **facts)
    assert again.facts == facts
    assert (again.dims, again.in_place, again.shared) == ({"n": (1, 2)}, ("x",), None)


@pytest.mark.parametrize("vjp", [3, None, "conv", ("forward", "backward")])
def test_no_function(vjp: Any) -> None:
    with pytest.raises(UsageError, match=r"takes a function vjp\(.*\) -> \(y, backward\), not .*cg\.from_functions"):
        Layer(vjp, ("x",))


def test_no_inputs() -> None:
    with pytest.raises(UsageError, match=r"at least one input: inputs=\('x', 'w', 'b'\)"):
        layer(inputs=())


@pytest.mark.parametrize("given", [3, None, (1,), ("x", None), ("",), ("x", "x"), [["x"]]])
def test_inputs_that_are_no_names(given: Any) -> None:
    with pytest.raises(UsageError, match=r"inputs is .*; it takes names, each once: inputs=\('x', 'w'\)"):
        layer(inputs=given)


@pytest.mark.parametrize("declared", ["constants", "zero_gradient", "in_place"])
@pytest.mark.parametrize("given", [3, None, (1,)])
def test_declared_names_that_are_no_names(declared: str, given: Any) -> None:
    with pytest.raises(UsageError, match=rf"{declared} is .*; it takes names, each once"):
        layer(**{declared: given})


@pytest.mark.parametrize(
    ("declared", "given"),
    [
        ("constants", ("x", "t", "u")),
        ("zero_gradient", ("t", "u")),
        ("draw", {"t": abs, "u": abs}),
        ("domain", {"x": (0, 1), "t": (0, 1), "u": (0, 1)}),
    ],
)
def test_names_that_are_no_inputs(declared: str, given: Any) -> None:
    with pytest.raises(UsageError, match=rf"scale: {declared} names 't', 'u'; the inputs are x, s"):
        layer(**{declared: given})


@pytest.mark.parametrize(
    "limits", [3, None, "12", (3, 1), (1, 2, 3), (1,), (1.0, 2), (1, 2.5), ("1", "2"), (np.nan, 2), [[1], [2]], {}]
)
def test_a_dim_that_is_no_range(limits: Any) -> None:
    message = r"scale: dims\['n'\] is .*; it takes two whole numbers \(lowest, highest\), both included, lowest first"
    with pytest.raises(UsageError, match=message):
        layer(dims={"m": (1, 1), "n": limits})


@pytest.mark.parametrize("limits", [(1, 1), [0, 3], (-2, 5), (np.int64(1), np.int32(3)), range(1, 3)])
def test_a_dim_that_is_one(limits: Any) -> None:
    assert layer(dims={"n": limits}).dims == {"n": limits}


@pytest.mark.parametrize("dims", ["n", [("n", (1, 3))], 3])
def test_dims_that_are_no_mapping(dims: Any) -> None:
    with pytest.raises(UsageError, match=r"scale: dims is .*; it takes ranges by name: dims=\{'n': \(1, 3\)\}"):
        layer(dims=dims)


@pytest.mark.parametrize("dim", ["seed", "values", "n n", "n=", "", 3])
def test_a_dim_that_no_printed_case_could_hold(dim: Any) -> None:
    with pytest.raises(UsageError, match=r"scale: a dim is called .*; it takes a name, not values or seed"):
        layer(dims={dim: (1, 3)})


@pytest.mark.parametrize("interval", [3, None, (1, 0), (0, 0), (0,), (0, 1, 2), ("a", 1), (np.nan, 1)])
def test_a_domain_that_is_no_interval(interval: Any) -> None:
    with pytest.raises(UsageError, match=r"scale: domain\['x'\] is .*; it takes an open interval, lower end first"):
        layer(domain={"x": interval})


def test_shapes_by_dict_or_by_function_of_the_dims() -> None:
    by_dict = layer(shapes={"x": (2, np.int64(3)), "s": ()})
    by_function = layer(shapes=lambda d: {"x": [d.n, 3], "s": 1}, dims={"n": (1, 3)})
    assert by_dict.shapes_at({}) == {"x": (2, 3), "s": ()}
    assert by_function.shapes_at({"n": 2}) == {"x": (2, 3), "s": (1,)}
    assert all(type(side) is int for side in by_dict.shapes_at({})["x"])


def test_no_shapes() -> None:
    message = r"cg\.check\(layer, x, s\), or add to the layer  shapes=\{'x': \(2, 3\), 's': \(2, 3\)\}"
    with pytest.raises(UsageError, match=r"scale declares no shapes, so there is nothing to draw .*" + message):
        layer().shapes_at({})


def test_a_shape_that_is_missing() -> None:
    with pytest.raises(UsageError, match="scale: shapes has no entry for s; it needs one for every input"):
        layer(shapes={"x": (2,)}).shapes_at({})


@pytest.mark.parametrize("shape", [None, "23", (2.5,), (2.0,), ("2",), (2, (3,)), (None,), 2.5])
def test_a_shape_that_is_none(shape: Any) -> None:
    with pytest.raises(UsageError, match=r"scale: the shape of s is .*; it takes a tuple of whole numbers"):
        layer(shapes={"x": (2,), "s": shape}).shapes_at({})


def test_a_negative_side() -> None:
    message = r"scale: the shape of s is \(2, -1\); no side can be negative \(is a where= missing\?\)"
    with pytest.raises(UsageError, match=message):
        layer(shapes=lambda d: {"x": (2,), "s": (2, d.n - 2)}).shapes_at({"n": 1})


def test_keywords_by_dict_or_by_function_of_the_dims() -> None:
    given = {"k": 2}
    config = layer(config=given).config_at({})
    config["k"] = 3
    assert given == {"k": 2}
    assert layer(config=lambda d: {"k": d.n}).config_at({"n": 5}) == {"k": 5}
    assert layer().config_at({"n": 5}) == {}


def test_where_says_what_is_allowed() -> None:
    even = layer(where=lambda d: d.n % 2 == 0)
    assert even.allows({"n": 2})
    assert not even.allows({"n": 3})
    assert layer().allows({})
    assert type(layer(where=lambda d: np.bool_(True)).allows({})) is bool


def test_a_fixed_keyword_that_is_a_dim_narrows_it() -> None:
    declared = layer(dims={"n": (1, 3), "k": (1, 4)}, shapes={"x": (2,), "s": ()}, features={"some": lambda p: True})
    fixed = declared.configured(k=3)
    assert fixed.dims == {"n": (1, 3), "k": (3, 3)}
    assert fixed.shapes == declared.shapes
    assert fixed.features == {}
    assert fixed(np.ones(1), 1.0)[0].tolist() == [3.0]
    assert fixed(np.ones(1), 1.0, k=5)[0].tolist() == [3.0]
    assert (declared.dims, declared(np.ones(1), 1.0)[0].tolist()) == ({"n": (1, 3), "k": (1, 4)}, [1.0])


def test_any_other_fixed_keyword_drops_the_configurations() -> None:
    declared = layer(
        dims={"n": (1, 3)}, shapes={"x": (2,), "s": ()}, config={"k": 7}, where=lambda d: True, domain={"x": (0, 1)}
    )
    for fixed in (declared.configured(k=2), declared.configured(n="two"), declared.configured(n=1, k=2)):
        assert (fixed.dims, fixed.shapes, fixed.config, fixed.where) == (None, None, None, None)
        assert (fixed.name, fixed.domain) == ("scale", {"x": (0, 1)})


def test_a_layer_does_not_change() -> None:
    with pytest.raises(AttributeError):
        layer().name = "other"  # type: ignore[misc]  # frozen, which is the test


def test_errors_hold_what_they_speak_of() -> None:
    raised = LayerRaised("backward", KeyError("theirs"))
    assert str(raised) == "backward raised KeyError: 'theirs'"
    assert (raised.call, type(raised.error)) == ("backward", KeyError)
    assert not isinstance(raised, UsageError)
    for verdict in (GradientMismatch, NotVerified):
        assert isinstance(verdict("the report"), AssertionError)
        assert (str(verdict("the report")), verdict("the report").report) == ("the report", "the report")
    assert issubclass(UsageError, ValueError)
    assert not issubclass(NotVerified, GradientMismatch)


def test_a_declaration_of_another_kind_is_refused() -> None:
    given: dict[str, Any] = {
        "name": 3,
        "target": b"x",
        "precision": None,
        "contiguous": "no",
        "shapes": (2, 3),
        "config": [("stride", 2)],
        "where": True,
        "draw": {"x": 2},
        "domain": [(0, 1)],
        "features": {"padding": "yes"},
        "batch_axis": "first",
        "random": 0,
        "shared": 7,
        "parts": (),
        "conventions": None,
    }
    assert given.keys() == KINDS.keys()
    for word, value in given.items():
        _, example = KINDS[word]
        with pytest.raises(UsageError) as refusal:
            Layer(lambda x: None, ("x",), **{word: value})
        assert str(refusal.value).startswith(f"{word} is {value!r}; it takes {example}")
    with pytest.raises(UsageError, match="reference is 'torch'; it takes a Layer of the same inputs in float64"):
        Layer(lambda x: None, ("x",), reference="torch")  # type: ignore[arg-type]  # wrong on purpose
