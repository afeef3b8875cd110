"""The gallery of mistakes, ``docs/mistakes.md``: wrong layers and the messages that they get.

``python -m tests.docs.gallery`` writes the page; a test writes it again and compares.
"""

from __future__ import annotations

from pathlib import Path

import cnngrad as cg
from cnngrad.report.data import GRADIENTS
from tests import mistakes

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
HEAD = """# Mistakes

Wrong backwards and what cnngrad says of them. Each layer below is one of [the derivations](derivations/index.md)
with one thing wrong, planted by the tests; the message is all that was given. The page is written by a program, and a
test compares it with what is printed today.
"""


def page() -> str:
    """The whole page, made now."""
    known = {mistake.name: mistake for mistake in mistakes.ALL}
    return "\n".join([HEAD, *(entry(known[name]) for name in SHOWN)])


def entry(mistake: mistakes.Mistake) -> str:
    """One mistake: the sentence its author should read, its right twin, the message."""
    report = cg.check(mistake.wrong, select=(GRADIENTS,), raise_on_failure=False)
    twin = f"[{mistake.layer.name}](derivations/{mistake.layer.name}.md)"
    return f"## {mistake.says}\n\nThe right one: {twin}.\n\n```text\n{report}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
