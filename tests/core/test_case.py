"""A case prints on a line and comes back from it; a point is the same numbers every time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cnngrad.core.case import Case, Point, aside, point_from_arrays
from cnngrad.core.errors import UsageError
from cnngrad.core.layer import Layer

NAMES = st.text("abnxyz_äλ", min_size=1, max_size=6)
PATHS = st.lists(st.text("ab/.=(1)'-é", min_size=1, max_size=8), min_size=1, max_size=3).map(" ".join)
RULES = st.one_of(
    st.sampled_from(["lattice", "integers", "normal", "kink", "saturated", "scale:1e6", "scale:0.5"]),
    st.floats(1e-300, 1e300).map("scale:{!r}".format),
    PATHS.map("file:{}".format),
)
SHAPE = st.lists(st.integers(0, 99), max_size=4).map(tuple)


@st.composite
def valid_cases(draw: st.DrawFn) -> Case:
    names = draw(st.lists(NAMES, max_size=6, unique=True))
    cut = draw(st.integers(0, len(names)))
    dims = tuple((name, draw(st.integers(-(10**30), 10**30))) for name in names[:cut])
    shapes = tuple((name, draw(SHAPE)) for name in names[cut:])
    return Case(dims, shapes, draw(RULES), draw(st.integers(0, 2**64)))


def demo(**declared: Any) -> Layer:
    return Layer(lambda x, w: None, ("x", "w"), "demo", **declared)  # type: ignore[arg-type, return-value]  # a forward that is never called


DIMS = {"dims": {"n": (1, 3), "k": (1, 2)}, "shapes": lambda d: {"x": (d.n, 2), "w": (d.k,)}}


@settings(max_examples=60)
@given(valid_cases())
@example(Case(values="file:.cnngrad/a name seed=3 x.npz", seed=7))
@example(Case((("n", 1),), (("x", (2,)), ("b", ())), "file:values=lattice", 0))
def test_every_case_comes_back_from_its_line(case: Case) -> None:
    line = str(case)
    assert "\n" not in line
    assert Case.parse(line) == case
    assert Case.parse(f"  {line}\t") == case


PIECES = ["n=", "seed=", "values=", "file:", "scale:", "(", ")", ",", "1", "-1", " ", "x=(2,3)"]


@settings(max_examples=60)
@given(st.text(max_size=40) | st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_any_text_is_a_case_or_is_refused_in_a_sentence(text: str) -> None:
    refused = ""
    try:
        Case.parse(text)
    except UsageError as error:
        refused = str(error)
    assert not refused or "case" in refused


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("", Case()),
        ("n=1", Case((("n", 1),))),
        ("seed=3 n=1 values=normal", Case((("n", 1),), values="normal", seed=3)),
        ("x=() b=(3) w=(3,) v=(0,2)", Case(shapes=(("x", ()), ("b", (3,)), ("w", (3,)), ("v", (0, 2))))),
        ("größe=-2", Case((("größe", -2),))),
        ("values=file:a b.npz", Case(values="file:a b.npz")),
    ],
)
def test_what_a_line_means(text: str, case: Case) -> None:
    assert Case.parse(text) == case


BAD_WORDS = [
    "n",
    "n=",
    "=3",
    "n=a",
    "n=1.5",
    "n=1e3",
    "n==3",
    "n=" + "9" * 5000,
    "seed=",
    "seed=x",
    "seed=1.0",
    "x=2,3",
]
BAD_SHAPES = ["x=(2,3", "x=((2,3))", "x=(a)", "x=(2;3)", "x=)2(", "x=(2)(3)", "x=(2.0)", "x=2)", "\x00"]


@pytest.mark.parametrize("word", BAD_WORDS + BAD_SHAPES, ids=lambda word: word[:12])
def test_a_word_that_says_nothing(word: str) -> None:
    with pytest.raises(UsageError) as caught:
        Case.parse(f"m=1 {word} k=2")
    assert str(caught.value).startswith(f"{word!r} in the case 'm=1 ")
    assert "is not name=<whole number>, name=(2,3), values=<rule> or seed=<whole number>" in str(caught.value)


@pytest.mark.parametrize("word", ["values=", "values=foo", "values=lattice,", "values=scale:-1", "values=scale:nan"])
def test_a_rule_that_is_none(word: str) -> None:
    with pytest.raises(UsageError, match=rf"{word} is no rule for values; accepted: lattice, .*scale:<number>.*file:"):
        Case.parse(f"n=1 {word} seed=3")


@pytest.mark.parametrize("text", ["n=1 n=2", "seed=1 seed=2", "values=normal values=kink", "n=1 n=(2,3)"])
def test_nothing_is_given_twice(text: str) -> None:
    with pytest.raises(UsageError, match=r"the case '.*' gives \w+ twice"):
        Case.parse(text)


@pytest.mark.parametrize("text", [None, 3, b"n=1", ["n=1"], Case()])
def test_no_line_of_text(text: Any) -> None:
    with pytest.raises(UsageError, match="a case to read back is a line of text such as 'n=1 seed=7', not "):
        Case.parse(text)


def test_other_values_for_the_same_configuration() -> None:
    case = Case((("n", 1),), values="lattice", seed=7)
    assert case.with_values("kink") == Case((("n", 1),), values="kink", seed=7)
    assert case.with_values("kink", 0) == Case((("n", 1),), values="kink", seed=0)
    assert case.sizes == {"n": 1}


def test_a_point_is_what_the_layer_is_called_with() -> None:
    layer = demo(**DIMS, config=lambda d: {"stride": d.k}, draw={"w": lambda rng, shape, d: np.full(shape, d.n)})
    point = Case((("n", 3), ("k", 2))).point(layer, {"pad": 1})
    assert [a.shape for a in point.inputs] == [(3, 2), (2,)]
    assert point["x"] is point.inputs[0]
    assert point["w"].tolist() == [3, 3]
    assert point.config == {"stride": 2, "pad": 1}
    assert (point.d.n, point.d.k) == (3, 2)


def test_the_users_keywords_win() -> None:
    assert Case((("n", 1), ("k", 2))).point(demo(**DIMS, config={"pad": 0}), {"pad": 1}).config == {"pad": 1}


def test_a_case_is_the_same_point_twice_and_after_printing() -> None:
    layer, case = demo(**DIMS), Case((("n", 3), ("k", 2)), values="normal", seed=5)
    for again in (case.point(layer), Case.parse(str(case)).point(layer)):
        assert all(np.array_equal(a, b) for a, b in zip(case.point(layer).inputs, again.inputs, strict=True))
        assert np.array_equal(again.cotangent(9), case.point(layer).cotangent(9))
    assert not np.array_equal(case.point(layer)["x"], case.with_values("normal", 6).point(layer)["x"])


def test_cotangents_differ_by_number() -> None:
    point = Case(values="normal").point(demo(shapes={"x": (1,), "w": (1,)}))
    assert not np.array_equal(point.cotangent(9, 0), point.cotangent(9, 1))


def test_shapes_in_the_case_come_before_declared_ones() -> None:
    point = Case(shapes=(("x", (4,)), ("w", ()))).point(demo(shapes={"x": (1,), "w": (1,)}))
    assert [a.shape for a in point.inputs] == [(4,), ()]


@pytest.mark.parametrize(
    ("case", "layer", "message"),
    [
        (Case(), demo(), "demo declares no shapes"),
        (Case(shapes=(("x", (1,)),)), demo(), r"the case gives no shape for w of demo: x=\(1\) values=lattice"),
        (
            Case(shapes=(("x", (1,)), ("w", ()), ("v", ()))),
            demo(),
            "the case gives a shape for v; the inputs of demo are x, w",
        ),
        (Case(shapes=(("x", (-1,)), ("w", ()))), demo(), r"the shape of x is \(-1,\); no side can be negative"),
        (Case((("n", 1),)), demo(**DIMS), "does not fit demo, whose dims are n, k; missing: k"),
        (
            Case((("n", 1), ("k", 1), ("z", 1))),
            demo(**DIMS),
            "'n=1 k=1 z=1 values=lattice seed=0' does not fit demo, whose dims are n, k; not among them: z",
        ),
        (Case((("n", 1), ("z", 1))), demo(**DIMS), "whose dims are n, k; not among them: z; missing: k"),
        (Case((("n", 1),)), demo(), "does not fit demo, whose dims are none; not among them: n"),
        (
            Case((("n", 3), ("k", 2))),
            demo(**DIMS, where=lambda d: d.n < 3),
            "'n=3 k=2 values=lattice seed=0' is one that where= of demo excludes",
        ),
        (Case(values="foo"), demo(shapes={"x": (1,), "w": (1,)}), "values=foo is no rule"),
        (Case(seed=-1), demo(shapes={"x": (1,), "w": (1,)}), "the seed is -1; it takes a whole number, 0 or more"),
    ],
)
def test_a_case_that_does_not_fit(case: Case, layer: Layer, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        case.point(layer)


def test_a_saved_point_is_replayed(tmp_path: Path) -> None:
    layer = demo(config={"pad": 1})
    x, w = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32), np.array(2.0)
    case = Case(values=f"file:{tmp_path / 'sub folder' / 'demo.npz'}", seed=3)
    Point(case, ("x", "w"), (x, w)).save(tmp_path / "sub folder" / "demo.npz")
    again = Case.parse(str(case)).point(layer, {"stride": 2})
    assert np.array_equal(again["x"], x)
    assert again["x"].dtype == np.float32
    assert (again["w"].shape, float(again["w"])) == ((), 2.0)
    assert again.config == {"pad": 1, "stride": 2}
    assert again.case.seed == 3


def broken_files(folder: Path) -> dict[str, Path]:
    (folder / "empty").touch()
    (folder / "text").write_text("hello", encoding="utf-8")
    (folder / "zip").write_bytes(b"PK\x03\x04 and then nothing")
    np.save(folder / "one.npy", np.ones(2))
    np.savez(folder / "other.npz", input_x=np.ones(2))
    np.savez(folder / "objects.npz", input_x=np.array([{}]), input_w=np.ones(1))
    return {path.name: path for path in folder.iterdir()} | {"none": folder / "none", "folder": folder}


@pytest.mark.parametrize("name", ["empty", "text", "zip", "one.npy", "other.npz", "objects.npz", "none", "folder"])
def test_a_file_that_holds_no_point(tmp_path: Path, name: str) -> None:
    path = broken_files(tmp_path)[name]
    with pytest.raises(UsageError, match=rf"cannot read the saved case {path}: \S"):
        Case(values=f"file:{path}").point(demo())


def test_a_point_of_the_users_own_numbers() -> None:
    x = np.ones((2, 2), np.float32)
    point = point_from_arrays(demo(constants=("w",)), (x, [1, 2]), {"pad": 1}, Case())
    assert point["x"].dtype == np.float32
    assert np.issubdtype(point["w"].dtype, np.integer)
    assert point.config == {"pad": 1}
    x[0] = 9
    assert point["x"].tolist() == [[1, 1], [1, 1]]


def test_plain_whole_numbers_mean_real_ones() -> None:
    point = point_from_arrays(demo(config={"k": 2}), ([1, 2], 3), {}, Case())
    assert [a.dtype for a in point.inputs] == [np.float64, np.float64]
    assert point.config == {"k": 2}
    assert point_from_arrays(demo(), (1.5, np.float32(2)), {}, Case())["x"].shape == ()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((), r"demo takes 2 inputs \(x, w\), 0 were given"),
        ((1.0, 2.0, 3.0), r"demo takes 2 inputs \(x, w\), 3 were given"),
        ((1.0, [[1.0], [1.0, 2.0]]), "demo: w is no array: "),
        (
            (np.array([1, 2]), 1.0),
            r"demo: x is int64 \(2,\); a differentiated input holds floats: pass x.astype\(float\)",
        ),
        ((1.0, "three"), r"w is <U5 \(\); .*or declare it with constants=\('w',\)"),
        ((1.0, None), r"w is object \(\); a differentiated input holds floats"),
        ((1.0, [1j]), r"w is complex128 \(1,\)"),
        ((1.0, [True]), r"w is bool \(1,\)"),
    ],
)
def test_numbers_that_do_not_fit(arrays: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        point_from_arrays(demo(), arrays, {}, Case())


def test_a_step_aside_is_small_in_every_entry_and_stays_inside() -> None:
    layer = demo(domain={"w": (0, 1)})
    x, w = np.array([[-8.0, 0.0, 4.0]], np.float32), np.array([0.5, *[1 - 1e-9] * 9, *[1e-9] * 9])
    point = Point(Case(), ("x", "w"), (x, w))
    moved_x, moved_w = aside(layer, point, 0.01, "test")
    assert moved_x.dtype == np.float32
    step = np.abs(moved_x - x)
    assert np.all((step >= 0.039) & (step <= 0.081))
    assert np.all((moved_w > 0) & (moved_w < 1))
    assert np.any(moved_w != w)
    assert np.array_equal(aside(layer, point, 0.01, "test")[0], moved_x)
    assert not np.array_equal(aside(layer, point, 0.01, "other")[0], moved_x)
    assert x.tolist() == [[-8, 0, 4]]


def test_constants_and_what_is_drawn_in_a_way_of_its_own_stay() -> None:
    point = Point(Case(), ("x", "w"), (np.ones(3), np.ones(3)))
    for layer in (demo(constants=("w",)), demo(draw={"w": lambda rng, shape, d: np.ones(shape)})):
        moved = aside(layer, point, 0.5, "test")
        assert moved[1] is point["w"]
        assert np.all(moved[0] != 1)


def test_a_step_aside_from_nothing_is_a_step() -> None:
    point = Point(Case(), ("x", "w"), (np.zeros(3), np.empty(0)))
    moved = aside(demo(), point, 0.5, "test")
    assert np.all((np.abs(moved[0]) >= 0.25) & (np.abs(moved[0]) <= 0.5))
    assert moved[1].shape == (0,)


def test_a_shape_that_no_memory_holds() -> None:
    layer = Layer(lambda x: None, ("x",), "demo", shapes={"x": (2,)})
    with pytest.raises(UsageError, match=r"x the shape \(4, 1000000000000\), which no memory holds; try less"):
        Case.parse("x=(4,1000000000000) seed=0").point(layer)
