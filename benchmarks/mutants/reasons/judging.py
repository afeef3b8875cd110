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
    "checks.compare": {
        r"shift: float = 2\.0": "the first ladder may start anywhere if the second shares no step with it",
        r"'XX XX'\.join": "names a stream of random numbers",
    },
    "checks.claim": {
        r"_end_to_end: .*asarray\(returned\[name\], (dtype=None)?\)": "put into an array of doubles either way",
        r"full_mantissas: .*(1 \* 3|2 / 3|1 / 4),": "any share fills the bits; the domain is kept to",
        r"full_mantissas: .*(None|\"XXfull mantissasXX\"|\"FULL MANTISSAS\")\)": "names a stream of random numbers",
    },
    "checks.calling": {
        r"np\.dtype\(None\)": "NumPy's default is double",
        r"backward_on: .*(pull\(None|, None\)|np\.empty\(1\)\))": "the cotangent that is made of them is thrown away",
    },
    "checks.flat": {
        r"65 \* EPS|9 \* FARTHER|>= (step|8 \* FARTHER)": "a limit: slopes are far below, jumps far above",
        r"side \* step (\* 2|/ 3)|in \((2\.0, -1\.0|1\.0, -2\.0)\)": "any two near places on a side will do",
    },
    "checks.vacuous": {
        r"uniform\(0\.5, 2\.0|choice\(\[(\+1\.0, 1|-2\.0, 1|-1\.0, 2)\.0\]|choice\(\[-1\.0, 1\.0\], (None)?\)": (
            "any direction will do whose weights differ and are not small; either side of it is looked at"
        ),
        r"uniform\(.*\) / rng\.choice": "dividing by a sign multiplies by it",
        r"65 \* EPS": "a limit: sums are off by less, and change by far more where the inputs change",
    },
}
