"""Reasons in ``checks/``: many kinks at once, and what a lower precision can tell."""

from __future__ import annotations

from benchmarks.mutants.reasons._kind import Reasons

BOUNDARY = "a number of many digits that lies exactly on its bound: within and beyond are then equally true"
MORE_STEPS = "slopes of outputs that nobody asked for only decide whether more steps are paid for"

REASONS: Reasons = {
    "checks.pairs": {
        r"rng_for\((1, \"entries\"|0, \"(XXentriesXX|ENTRIES)\")\)|uniform\(1\.0, 3\.0, outputs\.size\)": (
            "any weights will do that are not alike"
        ),
        r"one_sided\(.*(, None|, )\) *$": MORE_STEPS,
        r"kinked\.astype\(bool\), right >= left\)": "it is read only where there is a kink, and there they differ",
        r"-> outside = ~\(\(pairs\.claimed (>|>=) .* & \(pairs\.claimed (<|<=) ": BOUNDARY,
        r"-> if nearer\.low.* - slack\[j, i\] (< claimed <=|<= claimed <) nearer": BOUNDARY,
        r"-> if not \(low - slack (< total <=|<= total <) high \+ slack\)": BOUNDARY,
        r"-> if not sharp or low - claim.* (< claimed <=|<= claimed <) high \+ claim\.unit \*": BOUNDARY,
        r"-> return bool\(np\.all\(growth > -slack\)|np\.all\(growth < slack\)\)": (
            "the slack is above 0, or all that is held against it is 0 and both halves were true"
        ),
        r"_near\(claim, VERY_NEAR\)\[:3\]": "how many places are asked: the claim has to be wrong at every one",
        r"np\.array\(\[entry\]\)\), None, room=": "one-sided slopes are those of each output; dy is not used for them",
        r"sharp = high - low < BLUR": "where the two are equal all is 0, and then the claim is within its bounds too",
        r"max\(abs\((high|low)\), abs\(claimed\)\)": "a sharp slope is as large at its lower end as at its upper end",
        r"steps = np\.array\(places\) (\+ places\[0\]|- places\[1\])": (
            "what is taken from all places cancels in (g_i - g_j) (p_i - p_j)"
        ),
        r"_several_kinks: dy\[output\] = 1\.0 -> dy\[output\] = 2\.0": "all is held against sizes that double too",
        r"spread < SLIGHT \* largest|np\.ptp\(sums\) >= 1e-6": BOUNDARY,
    },
    "checks.at_once": {
        r"slack = 65 \* EPS|64 \* EPS \* size -> .*65 \* EPS \* size": "64 roundings or 65: both judge the same",
        r"\] = None": "None put into an array of doubles is NaN",
        r"\(jump >= BLUR|fine = outside < 0|np\.all\((off|error) < |sums, axis=0\) < apart|axis=0\) >= apart": BOUNDARY,
        r"kinks = high - low >= BLUR \* jump": BOUNDARY,
        r"\[np\.argsort\(.*(kind=None|, )\)\]": "of outputs that are equally far outside any may lead",
        r"uniform\(0\.5, 1\.0, shape\) / rng\.choice": "dividing by a sign multiplies by it",
        r"Line\(claim\.at\.flat, there, direction, (None, y, room|claim\.dy, None, room|y, room)\)": (
            "the line is asked for its values and its step alone: dy is not used, nor is the value at its start"
        ),
        r"apart = 3 \* BLUR \* jump": "two or three times the blur: a limit far below a jump and far above rounding",
    },
    "checks.kinks": {
        r"settled: dict.* = \"\"": "it is assigned in the loop before it is returned",
        r"_claim_beside\(claim, names, (None|1), located=False\)": "any place aside will do",
        r"_plainly_wrong: .*(, None|\"XXladderXX\"|\"LADDER\")\)$": "of an estimate only 'exact' is treated otherwise",
        r"_plainly_wrong: .* 3 \* line\.near": "two short steps: one is twice the other, or three times",
        r"_plainly_wrong: .*(17 \*|65 \*|steps\[1\],)": "16 differences or 17, 32 roundings or 65: all judge the same",
        r"plainly_wrong_beside: .*located=(None|True)\)": "two differences look for no worst entry",
    },
    "checks.computes_in_the_inputs_precision": {
        r"/ np\.sign\(": "dividing by a sign multiplies by it",
        r"np\.abs\(gradient\) >= TINY": BOUNDARY,
        r"largest = known\[np\.abs\(known\) > ": "the largest is above its 64th; where all are 0 the lowest bit is 1",
        r"largest = .*(3\.0\*\*-6|2\.0\*\*-7) \* np\.max": "down to what share of the largest they tell",
        r"initial=2\.0\)\) for name": "how much larger than the inputs numbers inside may be: four times or eight",
    },
    "checks.gradients_agree_in_float32": {
        r"inputs_as\(None, single\)": "NumPy's default is double",
    },
}
