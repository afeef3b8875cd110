"""cg.check: what it takes, what it raises, and the line that replays a failure."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnngrad as cg
from cnngrad.core.errors import Interrupted
from cnngrad.pytest_plugin import OPTIONS
from cnngrad.report.data import GRADIENTS
from cnngrad.search import explicit_cases

X = np.array([[0.5, -1.5, 2.0], [1.0, 3.0, -0.25]])
W = np.array([[1.0, -2.0], [0.5, 4.0], [-3.0, 0.125]])
SHAPES = {"x": (2, 3), "w": (3, 2)}
DIMS: dict[str, Any] = {"dims": {"n": (1, 3), "d": (1, 4)}, "shapes": lambda d: {"x": (d.n, d.d), "w": (d.d, 2)}}


def dense(factor: float = 1.0, **facts: Any) -> cg.Layer:
    """``y = scale x w``; a factor other than 1 makes the gradient of x wrong."""

    def vjp(x: Any, w: Any, scale: float = 1.0) -> Any:
        return scale * (x @ w), lambda dy: (factor * scale * dy @ w.T, scale * x.T @ dy)

    return cg.Layer(vjp, ("x", "w"), "dense", **facts)


def gradients(layer: Any, *arrays: Any, **options: Any) -> cg.Report:
    """The gradient check alone: these tests are about the runner, not about how many checks there are."""
    return cg.check(layer, *arrays, **{"select": (GRADIENTS,), "raise_on_failure": False, **options})


def numbers_seen(vjp: Callable[..., Any], seen: list[Any]) -> Callable[..., Any]:
    """The same ``vjp``, which notes what it was called with."""

    def noting(*inputs: Any, **config: Any) -> Any:
        seen.append(([np.array(value) for value in inputs], dict(config)))
        return vjp(*inputs, **config)

    return noting


@pytest.fixture(autouse=True, scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Arrays that fail are saved below the current folder, which is not to be the project's."""
    with contextlib.chdir(tmp_path_factory.mktemp("elsewhere")):
        yield


# What it takes.


def test_arrays_are_the_first_point() -> None:
    seen: list[Any] = []
    layer = cg.Layer(numbers_seen(dense().vjp, seen), ("x", "w"), "dense")
    report = gradients(layer, X, W, config={"scale": 3.0})
    assert report.status == "passed"
    (x, w), config = seen[0]
    assert (x == X).all()
    assert (w == W).all()
    assert config == {"scale": 3.0}
    assert len(report.cases) == 5  # the point itself, one beside it, another order, larger and smaller numbers


def test_labels_stay_with_their_rows() -> None:
    seen: list[Any] = []
    vjp = lambda x, t: (np.sum((x - t) ** 2), lambda dy: (2 * dy * (x - t), None))  # noqa: E731 - short as a user writes it
    layer = cg.Layer(numbers_seen(vjp, seen), ("x", "t"), "loss", constants=("t",))
    assert gradients(layer, X, np.eye(2, 3)).ok
    assert all((t == np.eye(2, 3)).all() for (_, t), _ in seen)


def test_shapes() -> None:
    report = gradients(dense(), shapes={"x": (2, 3), "w": (3, 2)})
    assert report.ok
    assert report.totals.entries == 12 * report.totals.cases
    assert not gradients(dense(2.0), shapes={"x": (2, 3), "w": (3, 2)}).ok


def test_dims_are_searched() -> None:
    report = gradients(dense(**DIMS))
    assert report.ok
    assert {(case.sizes["n"], case.sizes["d"]) for case in report.cases} >= {(1, 1), (3, 4), (1, 4), (3, 1)}


def test_arrays_come_before_the_declared_dims() -> None:
    quick = gradients(dense(**DIMS), X, W, effort="quick")
    normal = gradients(dense(**DIMS), X, W, effort="normal")
    assert all(case.values.startswith("file:") for case in quick.cases)
    assert any(case.dims for case in normal.cases)


def test_a_list_of_whole_numbers_means_real_numbers() -> None:
    assert gradients(dense(), [[1, 2]], [[3], [4]]).ok


def test_the_users_arrays_are_not_modified() -> None:
    def greedy(x: Any, w: Any) -> Any:
        y = x @ w

        def backward(dy: Any) -> Any:
            dx, dw = dy @ w.T, x.T @ dy
            x[...], w[...], dy[...] = 7, 7, 7
            return dx, dw

        return y, backward

    x, w = X.copy(), W.copy()
    gradients(cg.Layer(greedy, ("x", "w"), "greedy"), x, w)
    assert (x == X).all()
    assert (w == W).all()


def test_two_runs_give_equal_reports() -> None:
    for factor in (1.0, 2.0):
        runs = [gradients(dense(factor, **DIMS), seed=5).to_json() for _ in range(2)]
        assert runs[0] == runs[1]
    assert gradients(dense(2.0, **DIMS), seed=6).to_json() != runs[0]


def test_the_numbers_of_every_entry() -> None:
    report = gradients(dense(2.0), X, W)
    table = report.gradients["x"]
    assert table.analytic.shape == table.numeric.shape == table.bound.shape == X.shape
    assert np.allclose(table.analytic, 2 * table.numeric, rtol=1e-12)
    assert (np.abs(report.gradients["w"].analytic - report.gradients["w"].numeric) <= 1e-12).all()
    assert (table.bound < 1e-12).all()


def test_effort_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnngrad.runner.OPTIONS", {})
    layer = dense(**DIMS)
    monkeypatch.setenv("CNNGRAD_EFFORT", "quick")
    quick = gradients(layer)
    monkeypatch.delenv("CNNGRAD_EFFORT")
    normal = gradients(layer)
    assert (quick.effort, normal.effort) == ("quick", "normal")
    assert len(quick.cases) < len(normal.cases)
    monkeypatch.setenv("CNNGRAD_EFFORT", "thorough")
    assert gradients(layer, effort="quick").effort == "quick"


def test_pytest_options_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNGRAD_EFFORT", "thorough")
    monkeypatch.setitem(OPTIONS, "effort", "quick")
    monkeypatch.setitem(OPTIONS, "seed", 9)
    report = gradients(dense(**DIMS))
    assert (report.effort, report.seed) == ("quick", 9)
    assert gradients(dense(**DIMS), seed=2).seed == 2


# What it raises.


def test_a_failure_is_an_assertion_error_with_the_whole_report() -> None:
    with pytest.raises(cg.GradientMismatch) as error:
        cg.check(dense(2.0, **DIMS))
    assert isinstance(error.value, AssertionError)
    assert error.value.report.status == "failed"
    assert [(r.check, r.input) for r in error.value.report.failures if r.check == GRADIENTS] == [(GRADIENTS, "x")]
    assert str(error.value) == str(error.value.report)


def raising_backward(x: Any, w: Any) -> Any:
    def backward(dy: Any) -> Any:
        raise KeyError("cache")

    return x @ w, backward


def flat(x: Any, w: Any) -> Any:
    return x @ (0 * w), lambda dy: (0 * x, 0 * w)


@pytest.mark.parametrize(
    ("vjp", "status", "text"),
    [
        (raising_backward, "error", "dense: gradients_match_forward error: backward raised KeyError: 'cache'"),
        (flat, "inconclusive", "dense: inconclusive; nothing was compared"),
    ],
)
def test_what_is_not_verified_raises_too(vjp: Any, status: str, text: str) -> None:
    layer = cg.Layer(vjp, ("x", "w"), "dense", shapes=SHAPES)
    with pytest.raises(cg.NotVerified) as error:
        cg.check(layer, select=(GRADIENTS,))
    assert (error.value.report.status, str(error.value).splitlines()[0]) == (status, text)
    assert cg.check(layer, select=(GRADIENTS,), raise_on_failure=False).status == status


def breaks_at_three(x: Any, w: Any) -> Any:
    if x.shape[1] == 3:
        raise ValueError("three features")
    return x @ w, lambda dy: (dy @ w.T, x.T @ dy)


def test_a_forward_that_raises_somewhere_gets_the_where_that_excludes_it() -> None:
    report = gradients(cg.Layer(breaks_at_three, ("x", "w"), "dense", **DIMS))
    assert report.status == "error"
    (failure,) = report.failures
    assert failure.case is not None
    assert failure.case.sizes == {"n": 1, "d": 3}
    assert failure.reason == (
        "forward raised ValueError: three features; if that is not meant to work, where=lambda d: not (d.d == 3)"
    )
    excluded = cg.Layer(breaks_at_three, ("x", "w"), "dense", where=lambda d: d.d != 3, **DIMS)
    assert gradients(excluded).ok


def test_a_stub_says_so_in_one_line() -> None:
    def stub(x: Any) -> Any:
        raise NotImplementedError

    report = gradients(cg.Layer(stub, ("x",), "stub", shapes={"x": (2,)}))
    assert str(report).splitlines()[0] == "stub: gradients_match_forward error: forward is not implemented yet"


def test_a_finding_about_something_else_hides_no_wrong_gradient() -> None:
    def leaky(x: Any) -> Any:
        return np.where(x > 0, x, x / 8), lambda dy: (dy * np.where(x > 0, 1.0, 0.0),)  # float64 for float32, and 0

    layer = cg.Layer(leaky, ("x",), "leaky", dims={"n": (1, 3)}, shapes=lambda d: {"x": (d.n,)})
    for seed in range(3):
        report = cg.check(layer, seed=seed, diagnose=False, raise_on_failure=False)
        assert {GRADIENTS, "gradients_have_the_inputs_shape_and_dtype"} <= {result.check for result in report.failures}


# Replaying.


def replayed(line: str, layer: cg.Layer) -> cg.Report:
    """Run the case of a reproduce line."""
    case = re.fullmatch(r'cg\.check\(\w+, case="(.*)"\)', line)
    assert case is not None, line
    return gradients(layer, case=case[1])


def test_the_reproduce_line_replays_the_failure() -> None:
    layer = dense(2.0, **DIMS)
    report = gradients(layer)
    (failure,) = report.failures
    assert failure.reproduce == 'cg.check(dense, case="n=1 d=1 values=integers seed=0")'
    (again,) = replayed(failure.reproduce, layer).failures
    assert again == failure
    assert replayed(failure.reproduce, dense(**DIMS)).ok


def test_with_a_target_the_line_is_a_command() -> None:
    (failure,) = gradients(dense(2.0, target="my net.py:dense", **DIMS)).failures
    words = shlex.split(failure.reproduce)
    assert words[0:2] == ["cnngrad", "check"]
    assert words[-2:] == ["--case", str(failure.case)]
    assert "my net.py:dense" in words


def test_the_users_arrays_are_saved_whole_where_they_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert gradients(dense(), X, W).ok
    assert not (tmp_path / ".cnngrad").exists()
    layer = dense(2.0)
    (failure,) = gradients(layer, X, W).failures
    (saved,) = (tmp_path / ".cnngrad").iterdir()
    assert failure.case is not None
    assert failure.case.values == f"file:.cnngrad/{saved.name}"
    with np.load(saved) as arrays:
        assert (arrays["input_x"] == X).all()
        assert (arrays["input_w"] == W).all()
    (again,) = replayed(failure.reproduce, layer).failures
    assert (again.index, again.analytic, again.numeric) == (failure.index, failure.analytic, failure.numeric)


def test_a_failure_is_shrunk() -> None:
    def vjp(x: Any, w: Any) -> Any:
        factor = 2.0 if len(x) >= 2 and x.shape[1] >= 3 else 1.0
        return x @ w, lambda dy: (factor * dy @ w.T, x.T @ dy)

    (failure,) = gradients(cg.Layer(vjp, ("x", "w"), "dense", **DIMS)).failures
    assert str(failure.case) == f"n=2 d=3 values=integers seed={failure.case and failure.case.seed}"


# Inside a Hypothesis test of the user's.


@settings(max_examples=2)
@given(st.integers(0, 3))
def test_inside_a_given_test_only_the_explicit_cases_run(seed: int) -> None:
    report = gradients(dense(**DIMS), seed=seed)
    assert report.ok
    assert "inside a Hypothesis test only the explicit cases were run" in str(report)


def test_outside_the_engine_searches_on() -> None:
    layer = dense(**DIMS)
    report = gradients(layer)
    assert len(report.cases) > len(set(explicit_cases(layer, "normal", 0)))
    assert "inside a Hypothesis test" not in str(report)


# Ctrl-C.


@pytest.mark.parametrize(
    ("stop_at", "factor", "status"), [(1, 2.0, "inconclusive"), (60, 2.0, "inconclusive"), (300, 3.0, "failed")]
)
def test_an_interrupted_run_hands_over_what_it_has(stop_at: int, factor: float, status: str) -> None:
    calls = 0

    def vjp(x: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > stop_at:
            raise KeyboardInterrupt
        return 2 * x, lambda dy: (factor * dy,)

    with pytest.raises(KeyboardInterrupt) as stopped:
        cg.check(cg.Layer(vjp, ("x",), "scaling", dims={"n": (1, 50)}, shapes=lambda d: {"x": (d.n,)}))
    assert isinstance(stopped.value, Interrupted)
    report = stopped.value.report
    assert (report.complete, report.ok, report.status) == (False, False, status)
    assert bool(report.results) == (stop_at > 1)
    assert re.search(r"^  incomplete: stopped after \d+ points$", str(report), re.MULTILINE)
    assert all('cg.check(scaling, case="n=' in failure.reproduce for failure in report.failures)


def test_every_case_is_told_before_it_is_judged() -> None:
    seen: list[cg.Case] = []
    report = cg.check(cg.layers.relu, effort="quick", watch=seen.append)
    assert tuple(dict.fromkeys(seen)) == report.cases
