"""Reasons in ``checks/``: pictures, tables, samples and references."""

from __future__ import annotations

from benchmarks.mutants.reasons._kind import Reasons

REASONS: Reasons = {
    "checks.pictures": {
        r"-> claim = Claim\(at, None, dy": "a line calls the forward for the output at the point where it has none",
        r"wrong = .* -> .*>= allowed\(\)": "at the very bound another answer that agrees with the claim is as good",
        r"-> most = .*max\(CELLS / len": "numbers of cells are whole: above 42.7 is above 42",
        r"-> most = .*len\(at\.slices\), 17\)": "of eight inputs or more: a cell more will do as well",
    },
    "checks.tables": {
        r"rng_for\(at\.point\.case\.seed, \"(XXcoloursXX|COLOURS)\"": "any stream of draws gives weights that will do",
        r"-> unit\[j\] = 2\.0": "a backward is linear: what is not zero for 1 is not zero for 2",
    },
    "checks.samples_are_independent": {
        r"rng_for\(at\.point\.case\.seed, \"(XXsampleXX|SAMPLE)\"": "any order in which the samples are tried will do",
        r"\[\(2\.0, before\)|\(2\.0, after\)": "a bound of 64 roundings, twice as wide for one of the two calls",
    },
    "checks.outputs_are_separate": {
        r"\[\(2\.0, made\) for made": "a bound of 64 roundings, twice as wide",
    },
    "checks.oracle": {
        r"wrong_side: continue -> break": "an oracle that raises does so under another of its layer's names too",
        r"called\.replace\(name\.replace\(.*\), \"XXXX\"\)": "only a name like re_dense_lu tells them apart",
    },
    "checks.results_agree_with_the_reference": {
        r"-> inputs = inputs_as\(None": "NumPy's default is double",
    },
}
