"""Reasons in ``checks/``: which entry is wrong, and the choice of the judgement."""

from __future__ import annotations

from benchmarks.mutants.reasons._kind import Reasons

REASONS: Reasons = {
    "checks.rows": {
        r"uniform\(1\.0, 3\.0": "any weights that differ will do; those of equal outputs are at most three times apart",
    },
    "checks.localise": {
        r"_worst_of\(claim, name, found, complete=None\)": "as false as False",
        r"way_to_ask: .* < sharp\.bound": "as far apart as both bounds, to the last bit, by chance only",
        r"_explained: .* < own:": "equal by chance, or both 0: then nothing is explained, and what is left disagrees",
        r"gap: .*Estimate\((None|1\.0), 0\.0, how\)": "only the bound is read, which does not depend on the value",
        r"_weights: .*default_rng\(1\)": "any draw will do",
        r"_weights: .*(513, 1024|512, 1025)": "a size of 10 bits; one more or less at an end is as good",
        r"_halved: .*off\(None\)": "[None] is a view of all, and the weights of other places are 0",
        r"_coloured: .*\"(XXcoloursXX|COLOURS)\"": "the name of a stream of random numbers; any draw will do",
        r"_worst: .*, -2\.0\)": "any number below 0, which no distance is",
        r"_each_agrees: .*Comparison\(each, (None|1\.0)": "a pass reads the bound and the direction, not the sum",
        r"_each_agrees: .*Estimate\(((None|1\.0), 0\.0|0\.0, (None|1\.0)), how": "a pass reads how, not what was found",
    },
    "checks.gradients": {
        r"_malformed: raise TypeError": "it is caught at once and told as the form of the gradient; the text says why",
        r"_complex_step_agrees: .*2\.0\*\*-6, (None|\"XXtrustXX\"|\"TRUST\")\)": "the name of a random stream",
        r"_complex_step_agrees: .*(3\.0\*\*-6|2\.0\*\*-7)": "1/729 or 1/128 of its size aside is as good as 1/64",
        r"_complex_step_agrees: .* < real\.bound": "as far apart as both bounds, to the last bit, by chance only",
    },
}
