"""Every number of DeepLearnToolbox's CNN, run unmodified in GNU Octave, and the same for a network of our own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnngrad.networks import inputs_for, program_numbers, program_parameters, toolbox, updated

HERE = Path(__file__).parent.parent / "data"
SMALL = ["n2_single_map_12x12_1c3_2s_1c2_2s.npz", "n5_ends_conv_11x11_3c4_4s_5c2.npz"]
FULL = "n1_classic_28x28_6c5_2s_12c5_2s.npz"
EPS = np.finfo(np.float64).eps


def compare(path: Path, factor: float = 1.0) -> tuple[set[str], list[str]]:
    """The numbers compared, and those that are off; ``factor`` spoils ours."""
    with np.load(path) as file:
        theirs = {name: file[name] for name in file.files}
    spec = json.loads(str(theirs.pop("spec")))
    net = toolbox(spec, theirs["x"].shape[2:], theirs["y"].shape[1], len(theirs["x"]))
    parameters = program_parameters(spec, theirs)
    data = {"x": theirs["x"], "L.t": theirs["y"]}
    trace = net.trace(*inputs_for(net, parameters | data), dy=float(len(theirs["x"])))
    ours = program_numbers(spec, trace)
    ours["e"] = ours["o"] - theirs["y"]
    after = updated(
        parameters, {name: g / len(theirs["x"]) for name, g in trace.gradients.items() if g is not None}, 1.0
    )
    ours["L_after"] = net(*inputs_for(net, after | data))[0]
    wrong = [
        name
        for name, value in ours.items()
        if not np.all(np.abs(factor * value - theirs[name]) <= _allowed(name, theirs))
    ]
    given = {"x", "y", *(name for name in theirs if name[0] in "kb" or name in ("ffW", "ffb"))}
    assert set(ours) == set(theirs) - given
    return set(ours), wrong


def _allowed(name: str, theirs: dict[str, Any]) -> Any:
    """1e-14 of the largest entry; a bias's gradient is a sum that cancels: 16 eps of the sum of its terms' sizes."""
    largest = 1e-14 * np.max(np.abs(theirs[name]))
    terms = {"dffb": "od"}.get(name, "d" + name[2:] if name.startswith("db") else "")
    if not terms:
        return largest
    delta = np.abs(theirs[terms])
    return np.maximum(largest, 16 * EPS * delta.sum(axis=tuple(i for i in range(delta.ndim) if i != 1)) / len(delta))


@pytest.mark.parametrize("name", SMALL)
def test_every_number_of_the_program_is_ours(name: str) -> None:
    compared, wrong = compare(HERE / name)
    assert {
        "a2",
        "d2",
        "dk2",
        "db2",
        "a3",
        "d3",
        "fv",
        "fvd",
        "o",
        "e",
        "od",
        "dffW",
        "dffb",
        "L",
        "L_after",
    } < compared
    assert wrong == []


def test_the_comparison_sees_a_difference_of_1e_13() -> None:
    compared, wrong = compare(HERE / SMALL[0], factor=1 + 1e-13)
    assert set(wrong) >= {name for name in compared if not name.startswith(("db", "dffb"))}


@pytest.mark.integration
def test_every_number_of_the_classic_network() -> None:
    folder = os.environ.get("CNNGRAD_DATA")
    if folder is None:
        pytest.skip(f"CNNGRAD_DATA names no folder that holds deeplearntoolbox/{FULL}")
    assert compare(Path(folder) / "deeplearntoolbox" / FULL)[1] == []
