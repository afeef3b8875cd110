"""Every form of message, word for word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import cnngrad as cg
from cnngrad.core.result import Result, Where
from cnngrad.report.text import SHOWN
from tests.report.results import REPRODUCE, ROTATED, failure, report, result

FAILED = f"""\
conv2d: gradients_match_forward failed for w
  worst at w[0, 0, 0, 0]: backward gives 4, forward differences give 1 (exact); 4 of 4 entries differ
  not affected: x, b
  reproduce: {REPRODUCE}"""
SUSPECTED = f"""\
conv2d: gradients_match_forward failed for w
  worst at w[0, 0, 0, 0]: backward gives 4, forward differences give 1 (exact); 4 of 4 entries differ
  looks like: the kernel's gradient is rotated by 180°; rotating it back matches exactly
  change: turn it back
  not affected: x, b
  reproduce: {REPRODUCE}"""
LINKED = f"""\
conv2d: gradients_match_forward failed for w
  worst at w[0, 0, 0, 0]: backward gives 4, forward differences give 1 (exact); 4 of 4 entries differ
  looks like: the kernel's gradient is rotated by 180°; rotating it back matches exactly
  change: turn it back; see docs/derivations/conv
  where: every entry, only with k > 1 (5 of 5 such points, none of 2 others)
  not affected: x, b
  reproduce: {REPRODUCE}"""
ROUNDED = """\
conv2d: gradients_match_forward failed for w
  worst at w[3]: backward gives 0.3333333, forward differences give -1.25e-07 (complex step, ± 3.1e-14)"""
WHOLE = """\
conv2d: gradients_match_forward failed for w
  over all entries: backward gives 4, forward differences give 1 (ladder, ± 2.0e-10)
  along a direction over all entries; no single entry stands out"""
NOT_FINITE = """\
conv2d: gradients_match_forward failed for w
  worst at w[1, 0]: backward gives nan
  1 of 4 entries are not finite"""
AT_A_KINK = """\
conv2d: gradients_match_forward failed for w
  worst at w[1]: backward gives 1.5, forward differences give 0.5 (one-sided, ± 5.0e-01)
  for dy = 1 at output entry 1 alone, outside the one-sided derivatives"""
SHAPE = """\
conv2d: gradients_match_forward failed for w
  the gradient has shape (1, 3), w has (3,)"""
SCALAR = """\
conv2d: gradients_match_forward failed for w
  worst at w[]: backward gives 4, forward differences give 1 (exact)"""


def plain(**facts: Any) -> Result:
    """A failure with nothing but what is said here."""
    return result("failed", **facts)


@pytest.mark.parametrize(
    ("failed", "text"),
    [
        (failure(), FAILED),
        (failure(suspects=(ROTATED,)), SUSPECTED),
        (
            failure(
                suspects=(replace(ROTATED, link="docs/derivations/conv"),),
                where=Where("every entry", ("k > 1",), 5, 5, 7),
            ),
            LINKED,
        ),
        (
            plain(index=(3,), analytic=1 / 3, numeric=-1.25e-7, bound=3.14e-14, how="complex step", entries=4),
            ROUNDED,
        ),
        (
            plain(
                analytic=4.0,
                numeric=1.0,
                bound=2e-10,
                how="ladder",
                reason="along a direction over all entries; no single entry stands out",
            ),
            WHOLE,
        ),
        (plain(index=(1, 0), analytic=np.nan, entries=4, reason="1 of 4 entries are not finite"), NOT_FINITE),
        (
            plain(
                index=(1,),
                analytic=1.5,
                numeric=0.5,
                bound=0.5,
                how="one-sided",
                reason="for dy = 1 at output entry 1 alone, outside the one-sided derivatives",
            ),
            AT_A_KINK,
        ),
        (plain(reason="the gradient has shape (1, 3), w has (3,)"), SHAPE),
        (plain(index=(), analytic=4.0, numeric=1.0, bound=0.0, how="exact"), SCALAR),
    ],
    ids=["exact", "suspect", "linked", "rounded", "whole", "not finite", "kink", "shape", "scalar"],
)
def test_a_failure(failed: Result, text: str) -> None:
    assert str(report(failed)) == text


def test_an_error() -> None:
    raised = result("error", name="", reason="backward raised KeyError: 'cache'", reproduce=REPRODUCE)
    assert str(report(raised)) == (
        "conv2d: gradients_match_forward error: backward raised KeyError: 'cache'\n" + f"  reproduce: {REPRODUCE}"
    )


def test_a_stub_is_one_line() -> None:
    stub = result("error", name="", reason="backward is not implemented yet")
    assert str(report(stub)) == "conv2d: gradients_match_forward error: backward is not implemented yet"


def test_an_inconclusive_input_says_why_and_how_often() -> None:
    zero = result("inconclusive", reason="the gradient is zero everywhere at this point")
    assert str(report(zero)) == (
        "conv2d: inconclusive; nothing was compared\n"
        "  gradients_match_forward inconclusive for w: the gradient is zero everywhere at this point"
    )
    assert str(report(zero, zero, zero)) == (
        "conv2d: inconclusive; nothing was compared\n"
        "  gradients_match_forward inconclusive for w: the gradient is zero everywhere at this point "
        "(and 2 more points)"
    )


def test_a_pass_says_what_it_is_worth() -> None:
    exact = result(forward_calls=7, backward_calls=1)
    other = result("passed", "x", forward_calls=7, backward_calls=1)
    assert str(report(exact, other)) == (
        "conv2d: passed; 8 gradient entries compared at 1 points, exactly; 7 forward and 1 backward calls"
    )
    rounded = result("passed", "x", how="ladder", detectable=3e-13, forward_calls=7, backward_calls=1)
    assert str(report(exact, rounded)) == (
        "conv2d: passed; 8 gradient entries compared at 1 points, 4 of them exactly, smallest visible error 1.5e-13 of "
        "the largest entry; 7 forward and 1 backward calls"
    )
    seen_exactly_elsewhere = replace(rounded, input="w", case=None)
    assert str(report(exact, seen_exactly_elsewhere)) == (
        "conv2d: passed; 8 gradient entries compared at 1 points, 4 of them exactly, smallest visible error 1.5e-13 of "
        "the largest entry; 14 forward and 2 backward calls"
    )


def test_thousands_are_readable() -> None:
    text = str(report(result(entries=12_345, forward_calls=1_001, backward_calls=2_002)))
    assert text == (
        "conv2d: passed; 12,345 gradient entries compared at 1 points, exactly; 1,001 forward and 2,002 backward calls"
    )


def test_notes_come_last() -> None:
    assert str(report(result(), notes=("  a note",))).splitlines()[-1] == "  a note"


def test_only_the_first_failures_are_told_in_full() -> None:
    many = [replace(failure(), input=f"w{k}") for k in range(SHOWN + 2)]
    text = str(report(*many))
    assert text.count("reproduce:") == SHOWN
    assert text.splitlines()[-1] == "conv2d: 2 more findings"


def test_a_failure_is_at_most_fifteen_lines_and_never_a_whole_array() -> None:
    shapes = {"x": (8, 40), "w": (40, 30), "b": (30,)}

    def vjp(x: Any, w: Any, b: Any) -> Any:
        return x @ w + b, lambda dy: (-dy @ w.T, np.full_like(w, np.nan), dy.sum(axis=0)[None])

    text = str(cg.check(cg.Layer(vjp, tuple(shapes), "dense", shapes=shapes), raise_on_failure=False))
    blocks = text.split("dense: ")[1:]
    assert len(blocks) >= 3
    for block in blocks:
        assert len(block.splitlines()) <= 15
        assert max(len(line) for line in block.splitlines()) < 300
    longest = failure(suspects=(ROTATED, ROTATED, ROTATED), reason="a reason", where=Where("every entry", (), 1, 1, 1))
    assert len(str(report(longest)).splitlines()) <= 15


def test_a_behaviour_is_not_told_as_a_difference_quotient() -> None:
    """Other checks compare calls with each other, so there is no numerical gradient to speak of."""
    twice = failure(reason="the second call gives another w", how="", bound=0.25)
    assert str(report(replace(twice, check="same_call_same_result", reproduce="", unaffected=()))) == (
        "conv2d: same_call_same_result failed for w\n"
        "  worst at w[0, 0, 0, 0]: 4, not 1 (± 2.5e-01); 4 of 4 entries differ\n"
        "  the second call gives another w"
    )
