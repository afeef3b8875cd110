"""Every layer that is wrong at one feature is caught at normal effort, and ends at the smallest such configuration."""

from __future__ import annotations

from dataclasses import replace

import pytest

import cnngrad as cg
from cnngrad.report.data import GRADIENTS
from tests.wrong_at import ALL, FEATURES, PAIRS, TWINS, WrongAt

# The others judge behaviour, which nothing here is wrong in; benchmarks/configurations.py runs them all.
SOLE = (GRADIENTS,)


@pytest.mark.parametrize("wrong", ALL, ids=lambda wrong: wrong.feature)
def test_it_is_caught_and_shrunk_to_the_feature(wrong: WrongAt) -> None:
    report = cg.check(wrong.layer, effort="normal", select=SOLE, diagnose=False, raise_on_failure=False)
    assert report.status == "failed"
    found = report.failures[0]
    assert found.input == wrong.input
    assert found.case is not None
    lowest = {name: low for name, (low, _) in (wrong.twin.dims or {}).items()}
    above = " ".join(f"{name}={size}" for name, size in found.case.dims if size != lowest[name])
    assert above in wrong.smallest
    assert found.case.values == "integers"


def test_there_are_enough_of_them_and_each_has_a_name() -> None:
    assert len(FEATURES) >= 20
    assert len(PAIRS) >= 4
    assert len({wrong.feature for wrong in ALL}) == len(ALL)


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)
def test_the_right_twin_passes(twin: cg.Layer) -> None:
    small = replace(twin, dims={**(twin.dims or {}), "height": (1, 4), "width": (1, 4)})
    assert cg.check(small, effort="quick", select=SOLE).ok
