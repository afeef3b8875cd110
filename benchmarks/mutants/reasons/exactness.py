"""Reasons in ``checks/``: exact results: lattices, full mantissas, rounding."""

from __future__ import annotations

from benchmarks.mutants.reasons._kind import Reasons

AT_BOUND = "a bound is rounded itself: an error just at it may count as either"
WHOLE = "a whole number is no more than a fraction if it is no more than its whole part"
LIMIT = "between what a smooth result does by luck of the draw and what a kink or cancellation does, far from both"

REASONS: Reasons = {
    "checks.exactly": {
        r"_judge: .*size >= MOST": "entries just as many are told one by one or together",
        r"(_judge|_disagreement): .*>= allowed|_allowed: .*(>= narrow|< wide)": AT_BOUND,
        r"_judge: .*Comparison\(each, (None|1\.0),": "what passes is not asked for the claimed number",
        r"_along: .*again: bool = True": "either step tells as much",
        r"_disagreement: .*(_is_confirmed\(lattice, places, None|left, None\))": "any name gives its own direction",
        r"_allowed: .* / FEW\)": WHOLE,
        r"_failed: .*, -2\.0\)": "no error is below 0",
        r"_failed: .*difference\(direction, (again=(None|False))?\)": "three bases are another step than one",
        r"_grows_with_dy: for k in": "five multiples are asked about; four tell a formula from rounding as well",
        r"_grows_with_dy: .*>= 0\.25": "errors grow by about k or hardly; a quarter exactly may count as either",
    },
    "checks.lattices": {
        r"_output_aside: .*, (1 \* 3|2 / 3|1 / 4), \"full": "any share of a number's size makes it use all its bits",
        r"_output_aside: .*1 / 3, (None|\"XXfull mantissasXX\"|\"FULL MANTISSAS\")\)": "any name gives such numbers",
        r"_output_aside: .*np\.empty\(None\)": "no output has that shape either",
        r"_base_of: .*(- 39|2\.0\*\*-11|< 2\.0\*\*-10)": "rounding leaves 2^-15 of the unit, far less than this limit",
        r"_of_few_bits: .*(XXfew bits dyXX|FEW BITS DY)": "any name gives a draw of its own",
        r"_one_of: .*\) / rng\.choice": "dividing by a sign multiplies by it",
        r"_one_of: .*np\.array\(sizes, (dtype=None)?\)": "whole numbers times a sign, which is a double, are doubles",
    },
    "checks.rounded": {
        r"held_against: .* / FEW\)": WHOLE,
        r"held_against: .*< sharp\[name\]\)": "bounds only grow there: what is at a bound passes either way",
        r"_lasting: .*default_rng": "any draw nearby will do",
        r"_lasting: .*astype\(None\)$|inputs_as\(None, near\), dy": "NumPy's default is double",
        r"_lasting: .*>= sharp": AT_BOUND,
        r"_lasting: .*off\[name\] >= 0\)": "both are beyond a bound that is above 0, so their product is not 0",
        r"_met_by_chance: .*(EPS, 9|eps, 17)\)": "a draw more of sixteen or eight",
        r"_met_by_chance: .*(>= 64|65|>= 16|> 17|>= 4|> 5) \*": LIMIT,
        r"_nudged: .*1 - size": "draws lie evenly to both sides",
    },
    "checks.unrounded": {
        r"default_rng\((None|1)\)": "any draw of different numbers will do",
        r"\* rng\.integers\(.*(- 1|\+ 2)\.0\)$": "any small whole numbers of units will do if they differ",
        r"rng\.integers\((1, 4|0, 5)": "any small whole numbers of units will do if they differ",
    },
}
