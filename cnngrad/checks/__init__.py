"""The statements a layer is held to: one a file, one entry in ``ALL``."""

from __future__ import annotations

from cnngrad.checks import (
    array_layouts_do_not_matter,
    backward_is_linear_in_dy,
    calls_are_independent,
    computes_in_the_inputs_precision,
    earlier_results_are_unchanged,
    gradients,
    gradients_agree_in_float32,
    gradients_have_the_inputs_shape_and_dtype,
    inputs_are_unchanged,
    outputs_are_separate,
    results_agree_with_the_reference,
    same_call_same_result,
    samples_are_independent,
)
from cnngrad.checks.check import Check

ALL: tuple[Check, ...] = (
    gradients.CHECK,
    gradients_have_the_inputs_shape_and_dtype.CHECK,
    inputs_are_unchanged.CHECK,
    earlier_results_are_unchanged.CHECK,
    same_call_same_result.CHECK,
    calls_are_independent.CHECK,
    backward_is_linear_in_dy.CHECK,
    outputs_are_separate.CHECK,
    samples_are_independent.CHECK,
    array_layouts_do_not_matter.CHECK,
    gradients_agree_in_float32.CHECK,
    computes_in_the_inputs_precision.CHECK,
    results_agree_with_the_reference.CHECK,
)

__all__ = ["ALL", "Check"]
