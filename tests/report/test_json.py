"""The report as JSON: it loads, equal runs give equal bytes, and what is no number is a word."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad.report.json import report_json
from tests.report.results import ROTATED, failure, report, result


def square(factor: float) -> cg.Layer:
    return cg.Layer(lambda x: (x * x, lambda dy: (factor * x * dy,)), ("x",), "square", shapes={"x": (2, 3)})


@pytest.mark.parametrize(("factor", "status"), [(2.0, "passed"), (3.0, "failed")])
def test_a_real_report_loads(factor: float, status: str) -> None:
    found = cg.check(square(factor), raise_on_failure=False, seed=4)
    document = json.loads(found.to_json())
    (layer,) = document["layers"]
    assert (document["cnngrad"], document["status"], layer["layer"]) == (cg.__version__, status, "square")
    assert (layer["seed"], layer["effort"]) == (4, "normal")
    assert len(layer["results"]) == len(found.results)
    assert layer["totals"]["entries"] == found.totals.entries


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    def bytes_of(seed: int) -> bytes:
        return cg.check(square(2.0), seed=seed).to_json().encode()

    assert bytes_of(3) == bytes_of(3)
    assert bytes_of(3) != bytes_of(4)


def test_every_field_of_a_failure_is_there() -> None:
    wrong = failure(suspects=(ROTATED,))
    (found,) = json.loads(report_json([report(wrong)]))["layers"][0]["results"]
    assert found["case"] == "n=1 k=2 values=integers seed=7"
    assert found["suspects"] == [
        {"mistake": ROTATED.mistake, "evidence": ROTATED.evidence, "advice": ROTATED.advice},
    ]
    expected = {"layer", "check", "status", "input", "reason", "index", "analytic", "numeric", "bound", "how"}
    assert expected | {"entries", "differing", "unaffected", "reproduce"} <= set(found)
    assert (found["status"], found["index"], found["analytic"]) == ("failed", [0, 0, 0, 0], 4.0)


@pytest.mark.parametrize(("number", "word"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_what_is_no_number_is_a_word(number: float, word: str) -> None:
    def no_number(text: str) -> Any:
        raise AssertionError(f"{text} is no JSON")

    text = report_json([report(failure(analytic=number))])
    (found,) = json.loads(text, parse_constant=no_number)["layers"][0]["results"]
    assert found["analytic"] == word


def test_several_layers_have_the_worst_status() -> None:
    document = json.loads(report_json([report(result()), report(failure())]))
    assert document["status"] == "failed"
    assert [layer["status"] for layer in document["layers"]] == ["passed", "failed"]


def test_no_layers() -> None:
    assert json.loads(report_json([]))["layers"] == []
