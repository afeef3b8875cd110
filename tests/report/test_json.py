"""The report as JSON: it loads, equal runs give equal bytes, and what is no number is a word."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import numpy as np
import pytest

import cnngrad as cg
from cnngrad.core.result import Result
from cnngrad.core.source import Source
from cnngrad.report.json import report_json, schema
from tests.report.results import ROTATED, failure, report, result

RUN = {"command": ["a"], "started": "", "seconds": 1.5, "python": "3", "numpy": "2", "platform": "x"}


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
        {
            "mistake": ROTATED.mistake,
            "evidence": ROTATED.evidence,
            "advice": ROTATED.advice,
            "family": "",
            "link": "",
        },
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


def test_the_schema_holds_for_every_kind_of_result() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    wrong = failure(suspects=(ROTATED,), analytic=np.nan, bound=np.inf)
    apart = result("not_applicable", name="", check="samples_are_independent", reason="no batch_axis")
    mixed = report(wrong, result(), apart, source=Source("net.py", 3), complete=False, features={"padding": 2})
    for reports in ([], [mixed], [cg.check(square(3.0), raise_on_failure=False), report()]):
        jsonschema.validate(json.loads(report_json(reports, RUN)), schema())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("status",), "fine"),
        (("complete",), "yes"),
        (("layers", 0, "results", 0, "status"), "skipped"),
        (("layers", 0, "results", 0, "analytic"), "4"),
        (("layers", 0, "results", 0, "suspects"), [{"mistake": "rotated"}]),
        (("layers", 0, "totals", "entries"), -1),
        (("layers", 0, "source"), "net.py:3"),
        (("run",), {"command": []}),
        (("totals",), {}),
    ],
)
def test_the_schema_refuses_what_is_no_report(path: tuple[Any, ...], value: Any) -> None:
    document = json.loads(report_json([report(failure())]))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema())


def test_the_schema_names_every_field() -> None:
    document = json.loads(report_json([report(failure())], RUN))
    known = schema()["$defs"]
    assert set(document) == set(schema()["properties"])
    assert set(document["totals"]) == set(schema()["properties"]["totals"]["properties"])
    assert set(document["layers"][0]) == set(known["layer"]["properties"])
    assert set(Result.__dataclass_fields__) == set(known["result"]["properties"])


def test_totals_add_up() -> None:
    document = json.loads(report_json([report(result(), result()), report(failure(), result(name="b"))]))
    totals, layers = document["totals"], document["layers"]
    for name in ("cases", "entries", "exact", "forward_calls", "backward_calls"):
        assert totals[name] == sum(layer["totals"][name] for layer in layers)
    assert totals["results"] == {"passed": 3, "failed": 1, "error": 0, "inconclusive": 0, "not_applicable": 0}
    assert (totals["layers"], totals["layers_ok"]) == (2, 1)


def test_what_is_true_of_one_run_only_stands_apart() -> None:
    one, two = (json.loads(report_json([report(result())], RUN | {"seconds": s})) for s in (1.0, 2.0))
    assert one != two
    assert one.pop("run") != two.pop("run")
    assert one == two == json.loads(report_json([report(result())]))
