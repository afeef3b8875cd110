"""The gallery of mistakes, ``docs/mistakes.md``: wrong layers and the messages that they get.

``python -m tests.docs.gallery`` writes the page; a test writes it again and compares.
"""

from __future__ import annotations

from pathlib import Path

import cnngrad as cg
from cnngrad.diagnosis.pages import page_of
from cnngrad.report.data import GRADIENTS
from tests import mistakes
from tests.mistakes.ninth import NINTH

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mistakes.md"
# Names of planted mistakes (tests/mistakes), in the order of the page.
SHOWN = (
    "conv_dw_rotated",
    "true_conv_dw_not_rotated_back",
    "conv_dx_one_zero_too_many",
    "conv_dw_assigned_in_the_batch_loop",
    "dense_dw_averaged",
    "relu_mask_of_dy",
    "sigmoid_derivative_twice",
    "mean_pool_not_divided",
    "max_pool_overlap_assigned",
    "max_pool_ties_paid_twice",
    "softmax_cross_term_missing",
    "cross_entropy_not_averaged",
    "batch_norm_variance_path_missing",
)
# Ten drawn at random out of the last blind set: from these messages alone each mistake was found.
DRAWN = (
    "ninth_db_is_the_mean_of_delta",
    "ninth_area_of_a_square",
    "ninth_tanh_unsquared",
    "ninth_hidden_slope_forgotten",
    "ninth_two_from_the_square",
    "ninth_dx_keeps_last_kernel",
    "ninth_mask_of_the_input",
    "ninth_softmax_sum_over_batch",
    "ninth_p_minus_t_not_averaged",
    "ninth_slope_twice_in_dx",
)
HEAD = """# Mistakes

Wrong backwards and what cnngrad says of them. Each layer below is one of [the derivations](derivations/index.md)
with one thing wrong, planted by the tests; the message is all that was given. The page is written by a program, and a
test compares it with what is printed today.
"""


def page() -> str:
    """The whole page, made now."""
    known = {mistake.name: mistake for mistake in (*mistakes.ALL, *NINTH)}
    return "\n".join([HEAD, *(entry(known[name]) for name in (*SHOWN, *DRAWN))])


def entry(mistake: mistakes.Mistake) -> str:
    """One mistake: the sentence its author should read, its right twin, the message."""
    report = cg.check(mistake.wrong, select=(GRADIENTS,), raise_on_failure=False)
    page_of_twin = page_of(mistake.layer) or "networks"
    twin = f"[{page_of_twin}](derivations/{page_of_twin}.md)"
    return f"## {mistake.says.removesuffix('.')}\n\nThe right one: {twin}.\n\n```text\n{report}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
