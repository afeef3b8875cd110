"""What the fuzz tests share: how much is tried, and material that is nearly right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUICK_AND_LONG = pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.integration)])


def fuzz(material: st.SearchStrategy[Any], examples: int, body: Callable[[Any], None]) -> None:
    """Call ``body`` with so many examples; what it raises is a finding."""
    settings(max_examples=examples, suppress_health_check=list(HealthCheck))(given(material)(body))()


# Half surrogates stand for bytes of a command line that are no text.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
WORDS = st.sampled_from(
    [
        *("n", "c", "x", "w", "seed", "values", "height", "stride", "1", "0", "-3", "2.5", "nan", "", "=", "(", ")"),
        *("(2,3)", "99999999999999", "9" * 5000, "lattice", "scale:1e400", "scale:", "scale:nan", "file:", "\0", "٣"),
    ]
)
CASE_LINES = ANY_TEXT | st.lists(
    st.tuples(WORDS | ANY_TEXT, st.sampled_from(["=", "", " = "]), WORDS | ANY_TEXT).map("".join), max_size=6
).map(" ".join)

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT
ARRAYS = st.sampled_from(
    [np.ones((2, 3)), np.array(2.0), np.array(["a"]), np.empty((0, 2)), np.array([1, 2]), np.array(None)]
)
NAMES = st.sampled_from(["x", "w", "dx", "y", "dy", "cache", "n", "stride", ""])


@dataclass(frozen=True)
class Says:
    """A function that says one thing whatever it is asked."""

    what: Any

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.what


ODD = st.sampled_from([object(), int, len, b"x", {"x"}, 10**400, 1j, np.float32(2), Ellipsis, "x" * 2000])
SAID = (PLAIN | ARRAYS | NAMES | ODD | st.dictionaries(NAMES, PLAIN | ARRAYS, max_size=2)).map(Says)
VALUES = st.recursive(
    PLAIN | ARRAYS | NAMES | ODD | SAID,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(NAMES | PLAIN, inner, max_size=3)
    ),
    max_leaves=5,
)
