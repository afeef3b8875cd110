"""The self-audit: every known mistake in a right backward is caught, and an audit can fail."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad import layers, networks
from cnngrad.auditing import MISTAKES, Audit, Fate, Outcome, audit
from cnngrad.auditing.planting import differs
from cnngrad.cli import main
from cnngrad.core.layer import Layer

DENSE = replace(layers.dense, dims=None, features={}, shapes={"x": (3, 2), "w": (4, 2), "b": (4,)})
SMALL = ("perceptron", "toolbox")  # in others a wrong gradient is looked for among hundreds of entries
ONE_A_TEXT = {name[-9:]: name for name in reversed(networks.NETWORKS)}.values()


def right(x: Any) -> Any:
    return 2 * x, lambda dy: (2 * dy,)


def fates(outcomes: tuple[Outcome, ...], mistake: str) -> dict[str, str]:
    return {each.input: str(each.fate) for each in outcomes if each.mistake == mistake}


def test_every_mistake_is_caught_in_a_dense_layer() -> None:
    found = audit(DENSE, effort="quick")
    assert found.ok
    assert not found.of(Fate.SURVIVED)
    assert {each.mistake for each in found.of(Fate.CAUGHT)} >= {m.name for m in MISTAKES} - {"turned by 180° in space"}
    caught_by = {each.check for each in found.of(Fate.CAUGHT)}
    assert caught_by >= {
        "gradients_match_forward",
        "gradients_have_the_inputs_shape_and_dtype",
        "inputs_are_unchanged",
        "earlier_results_are_unchanged",
        "same_call_same_result",
        "calls_are_independent",
        "gradients_agree_in_float32",
    }
    # What is the same turned round, or is no array of two axes, is never counted as caught.
    assert fates(found.outcomes, "last two axes exchanged") == {"x": "caught", "w": "caught", "b": "not applicable"}
    assert fates(found.outcomes, "samples leak into each other") == {
        "x": "caught",
        "w": "not applicable",
        "b": "not applicable",
    }


def test_the_table_says_what_was_caught_by_what_and_where() -> None:
    text = str(audit(replace(layers.relu, dims={"n": (1, 2), "width": (1, 2)}, features={}), effort="quick"))
    first, titles, *rows = text.splitlines()
    assert re.fullmatch(r"relu: 47 mistakes planted in its right backward: \d\d caught, 0 survived, \d not .*", first)
    assert titles.split() == ["mistake", "in", "caught", "by", "calls", "at,", "or", "why", "not"]
    cells = [re.split(r"\s{2,}", re.sub(r"\s+\d+(?=  )", "", row)) for row in rows]  # how many calls it took aside
    assert ["wrong sign", "x", "gradients_match_forward", "smallest values=lattice"] in cells
    assert ["flipped along its last axis", "x", "gradients_match_forward", "width=2 values=lattice"] in cells
    # All gradients None count as a backward that is not written yet, which is an error.
    assert ["None", "x", "gradients_match_forward (raised)", "smallest values=lattice"] in cells
    assert ["dy changed in place", "inputs_are_unchanged", "smallest values=lattice"] in cells
    assert re.search(r"turned by 180° in space +x +- +the right layer's numbers at all \d+ points$", text, re.MULTILINE)


def test_a_gate_without_the_check_lets_mistakes_survive() -> None:
    with pytest.raises(cg.MistakeSurvived, match="survived") as failure:
        audit(DENSE, exclude=["inputs_are_unchanged"], inputs=["b"], effort="quick")
    assert isinstance(failure.value, AssertionError)
    survived = failure.value.report.of(Fate.SURVIVED)
    assert {each.mistake for each in survived} == {
        "changed in place by forward",
        "changed in place by backward",
        "dy changed in place",
    }
    assert re.search(r"^changed in place by backward +b +SURVIVED +it makes", str(failure.value), re.MULTILINE)
    assert re.search(r"makes a difference at (\d+) of \1 points and no check refuses it there", str(failure.value))


def test_nothing_that_could_be_planted_is_no_pass() -> None:
    nothing = Outcome("times 2", "x", Fate.NOT_APPLICABLE, reason="the right layer's numbers at all 5 points")
    caught = replace(nothing, fate=Fate.CAUGHT)
    survived = replace(nothing, fate=Fate.SURVIVED)
    verdicts = [Audit(DENSE, 5, outcomes).ok for outcomes in ((nothing,), (nothing, caught), (caught, survived))]
    assert verdicts == [False, True, False]


def test_what_is_declared_is_not_planted() -> None:
    def centred(x: Any, b: Any) -> Any:
        y = (x + b) - (x + b).mean(axis=0)
        return y, lambda dy: (dy - dy.mean(axis=0), np.zeros_like(b))

    layer = Layer(centred, ("x", "b"), shapes={"x": (4, 2), "b": (2,)}, zero_gradient=("b",), in_place=("dy",))
    found = audit(layer, effort="quick")
    reasons = {(each.mistake, each.input): each.reason for each in found.of(Fate.NOT_APPLICABLE)}
    assert reasons["times 2", "b"] == "its gradient is zero on purpose (zero_gradient)"
    assert reasons["dy changed in place", ""] == "that is declared: in_place=('dy',)"
    assert reasons["last sample left out", ""] == "no axis of samples is declared for it (batch_axis)"


def test_a_layer_that_is_not_right_is_refused() -> None:
    wrong = Layer(lambda x: (2 * x, lambda dy: (3 * dy,)), ("x",), "wrong", shapes={"x": (3,)})
    with pytest.raises(cg.UsageError, match="an audit plants mistakes in a right layer, and wrong is not passed") as e:
        cg.audit(wrong)
    assert "wrong: gradients_match_forward failed for x" in str(e.value)


@pytest.mark.parametrize(
    ("layer", "options", "sentence"),
    [
        (right, {}, "audit takes a Layer, as cg.check does, not function"),
        (DENSE, {"inputs": ["weights"]}, "inputs names 'weights'; the inputs of dense are x, w, b"),
        (DENSE, {"select": ["spelling"]}, "there is no check 'spelling'; there are "),
        (DENSE, {"effort": "huge"}, "effort 'huge' is not one of "),
    ],
)
def test_wrong_use_is_one_sentence(layer: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(cg.UsageError, match=re.escape(sentence)):
        audit(layer, **options)


def test_the_users_own_arrays_are_the_gate() -> None:
    layer = Layer(right, ("x",), "double", batch_axis=0)
    found = audit(layer, np.array([[1.0, -2.0], [0.5, 3.0]]), effort="quick")
    assert found.ok
    assert found.points == 3
    assert all(each.case and each.case.values.startswith("file:") for each in found.of(Fate.CAUGHT))


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    source = "import cnngrad as cg\nright = cg.Layer(lambda x: (2*x, lambda dy: (2*dy,)), ('x',), 'right', shapes="
    (tmp_path / "net.py").write_text(source + "{'x': (3,)})\nwrong = cg.Layer(lambda x: (x, lambda dy: (2*dy,)), ")
    with (tmp_path / "net.py").open("a") as file:
        file.write("('x',), 'wrong', shapes={'x': (3,)})\n")
    monkeypatch.chdir(tmp_path)
    assert main(["audit", "net.py:right", "--effort", "quick"]) == 0
    assert capsys.readouterr().out.startswith("right: 47 mistakes planted in its right backward: ")
    assert main(["audit", "net.py:right", "--effort", "quick", "--exclude", "inputs_are_unchanged"]) == 1
    assert re.match(r"changed in place by forward +x +SURVIVED", capsys.readouterr().out.splitlines()[2])
    assert main(["audit", "net.py:wrong", "--effort", "quick"]) == 2
    assert capsys.readouterr().err.startswith("cnngrad: an audit plants mistakes in a right layer, and wrong is ")


def test_float64_gradients_are_a_mistake_only_where_the_output_stays_float32() -> None:
    def widening(x: Any) -> Any:
        return np.asarray(2 * x, np.float64), lambda dy: (np.asarray(2 * dy, x.dtype),)

    found = audit(Layer(widening, ("x",), shapes={"x": (3,)}), effort="quick")
    assert fates(found.outcomes, "float64 for float32 inputs") == {"x": "not applicable"}
    assert fates(audit(DENSE, effort="quick", inputs=["b"]).outcomes, "float64 for float32 inputs") == {"b": "caught"}


def test_a_difference_of_rounding_is_none() -> None:
    one = np.ones(3)
    assert not differs(one, one * (1 + 1e-13))
    assert not differs(np.array([np.nan, 1.0]), np.array([np.nan, 1.0]))
    for other in (one * (1 + 1e-6), one[np.newaxis], one.astype(np.float32), None, np.array([1.0, 1.0, np.nan])):
        assert differs(one, other)


def test_every_planted_mistake_changes_what_it_says_and_leaves_the_rest() -> None:
    rng = np.random.default_rng(0)
    x, w, b, dy = (2 * rng.standard_normal(shape) for shape in ((3, 2), (4, 2), (4,), (3, 4)))
    _, backward = DENSE(x, w, b)
    expected = backward(dy)
    for mistake in MISTAKES:
        for site in mistake.sites(DENSE, ["w"]):
            planted = mistake.planted(site)
            assert planted.facts == DENSE.facts, mistake.name
            given = planted(x.copy(), w.copy(), b.copy())[1](dy.copy())
            if site.name:
                assert not differs(given[0], expected[0]), mistake.name
                assert not differs(given[2], expected[2]), mistake.name
            if site.name and not differs(given[1], expected[1]):
                assert not site.note.made_a_difference or "in place" in mistake.name, mistake.name


# Layers at the least effort; `python -m benchmarks.audits` has all of it at the default one, for every input.


@pytest.mark.integration
@pytest.mark.parametrize("layer", [*layers.ALL, *networks.DERIVATIONS], ids=lambda layer: layer.name)
def test_every_mistake_in_every_reference_layer_is_caught(layer: Layer) -> None:
    found = audit(layer, effort="quick")
    assert len(found.of(Fate.CAUGHT)) >= 38
    assert {each.mistake for each in found.outcomes if each.raised} <= {"None"}


@pytest.mark.integration
@pytest.mark.parametrize("name", ONE_A_TEXT)
def test_every_mistake_in_a_network_of_each_text_is_caught(name: str) -> None:
    net = networks.NETWORKS[name]
    chosen = () if name.startswith(SMALL) else (net.differentiable[2], net.differentiable[-1])
    assert len(audit(net, inputs=chosen).of(Fate.CAUGHT)) >= 60
