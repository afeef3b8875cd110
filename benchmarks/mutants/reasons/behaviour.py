"""Reasons in ``checks/``: calls: order, repetition, mutation, layouts."""

from __future__ import annotations

from benchmarks.mutants.reasons._kind import Reasons

REASONS: Reasons = {
    "checks.array_layouts_do_not_matter": {
        r", 78, dtype=": "any other number will do",
        r"writeable = None": "as false as False",
        r"_with: .*\"XXXX\": finding": "the key of a result without an input; results carry their own name",
        r"_with: .*\[\(2\.0, reference\)\]": "allows for twice the rounding, of a bound that is generous by design",
        r"order=\"c\"": "NumPy takes either case",
    },
    "checks.backward_is_linear_in_dy": {
        r"first\.eps <= HALF_EPS": "no floating type has exactly that precision",
        r"rounding = 9 ": "a ninth rounding of dy: some multiple of one is meant",
        r"\[\(2\.0, whole\), \*parts\]": "allows for twice the rounding, of a bound that is generous by design",
    },
    "checks.calls_are_independent": {
        r"estimated\(at, None, array": "the name finds the same array once more",
        r"\[\(2\.0, expected\)\]": "allows for twice the rounding, of a bound that is generous by design",
        r"<= 1e-6": "no multiple differs from a whole number by exactly that",
    },
    "checks.earlier_results_are_unchanged": {
        r"\"XXfcXX\"": "no dtype has the kind X",
        r"array >= 0|-2\.0, 1\.0|-1\.0, 2\.0": "every number still becomes another one",
    },
    "checks.gradients_have_the_inputs_shape_and_dtype": {
        r"found\.size >= given\.size": "equal sizes are told before",
    },
    "checks.same_call_same_result": {
        r"1e\+30|1e\+29": "the same number",
        r"estimated\(at, None, before": "the name finds the same array once more",
        r"\[\(2\.0, first\)\]": "allows for twice the rounding, of a bound that is generous by design",
        r"SMALL // 8\), 3\)": "how many small arrays are laid: two at least",
        r"np\.abs\(before\) > 1e29": "what is laid in memory is 1e30",
    },
}
