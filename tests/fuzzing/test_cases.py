"""Any line of text is a case or a refusal, and so is any case for any layer."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

import cnngrad as cg
from cnngrad import layers
from tests.fuzzing.fuzz import CASE_LINES, QUICK_AND_LONG, fuzz

SHAPED = cg.Layer(lambda x: (x, lambda dy: (dy,)), ("x",), "shaped", shapes={"x": (2, 3)})
HUGE = st.integers(10**12) | st.integers(max_value=-(10**6))  # what lies between can be drawn, and takes its time
DIMS = st.builds(
    "n={} width={} values={} seed={}".format,
    st.integers(-2, 4) | HUGE,
    st.integers(-2, 6) | HUGE,
    st.sampled_from(["lattice", "kink", "normal", "saturated", "scale:3", "scale:1e300", "scale:-1", "scale:x", "no"]),
    st.integers(-5, 5) | st.integers(),
)
SIDES = st.lists(st.integers(-2, 4) | HUGE, max_size=4).map(lambda sides: ",".join(map(str, sides)))
SHAPES = st.builds("x=({}) seed={}".format, SIDES, st.integers())


@QUICK_AND_LONG
def test_a_line_is_read_back_or_refused(times: int) -> None:
    read = 0

    def body(line: str) -> None:
        nonlocal read
        try:
            case = cg.Case.parse(line)
        except cg.UsageError:
            return
        read += 1
        assert cg.Case.parse(str(case)) == case
        for layer in (layers.relu, SHAPED):
            try:
                case.point(layer)
            except cg.UsageError:
                continue

    fuzz(CASE_LINES, 150 * times, body)
    assert read


@QUICK_AND_LONG
@pytest.mark.parametrize("lines", [DIMS, SHAPES], ids=["dims", "shapes"])
def test_a_case_has_its_point_or_is_refused(times: int, lines: st.SearchStrategy[str]) -> None:
    drawn = 0

    def body(line: str) -> None:
        nonlocal drawn
        try:
            case = cg.Case.parse(line)
        except cg.UsageError:
            return
        for layer in (layers.relu, SHAPED):
            try:
                drawn += case.point(layer) is not None
            except cg.UsageError:
                continue

    fuzz(lines, 80 * times, body)
    assert drawn
