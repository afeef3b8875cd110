"""Reasons in ``checks/``: the judgement of one gradient: claims, comparisons, calls."""

from __future__ import annotations

from benchmarks.mutants.reasons._kind import Reasons

REASONS: Reasons = {
    "checks.comparing": {
        r"nan=np\.inf\), -2\.0\)": "any number below 0 marks an entry that is not wrong",
        r"eps >= 1e-10": "no floating type has that rounding",
        r"_noise: .*default_rng\(1\)": "any draw will do, as long as it is the same each time",
        r"rng\.integers\((129, 256|128, 257)": "one more or one fewer of 128 distances from dy; all are as exact",
        r"1 - step \* rng|step / rng": "the other side of a random side; dividing by a sign multiplies by it",
    },
}
