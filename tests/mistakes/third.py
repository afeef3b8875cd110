"""The third set of mistakes: written last, from the formulas and the layers alone, without sight of any rule.

It is no part of ``ALL``: nothing is ever fitted to it, it only measures how well mistakes are named. Whoever wrote it
had not seen the others either, so many came out the same; ``UNSEEN`` is what is left without those.
"""

from __future__ import annotations

from tests.mistakes.mistake import Mistake
from tests.mistakes.third_convolutions import CONVOLUTIONS
from tests.mistakes.third_costs import COSTS_AND_NORMS
from tests.mistakes.third_dense import DENSE
from tests.mistakes.third_pooling import POOLING

THIRD: tuple[Mistake, ...] = (*CONVOLUTIONS, *POOLING, *DENSE, *COSTS_AND_NORMS)

# Those that give the very gradients of one in ``ALL``; a test compares them.
REPEATED = frozenset(
    {
        "conv_dx_one_zero_too_many_when_spread",
        "conv_dx_crops_the_far_side_twice",
        "conv_db_averaged_over_positions",
        "true_conv_averages_over_the_batch",
        "true_conv_dx_convn_without_rot180",
        "true_conv_dw_flips_channels_too",
        "relu_conv_db_without_mask_of_z",
        "relu_conv_mask_from_dy",
        "sigmoid_conv_dx_slope_twice",
        "sigmoid_conv_slope_at_the_output",
        "channels_last_db_by_reshape",
        "mean_pool_divides_by_one_side",
        "mean_pool_dx_windows_touch",
        "mean_pool_whole_area_at_the_border",
        "mean_pool_dx_to_first_entry",
        "max_pool_place_by_columns",
        "max_pool_place_of_largest_size",
        "p_norm_pool_backward_of_two_norm",
        "p_norm_pool_divides_by_y_to_the_p",
        "p_norm_pool_nan_in_zero_windows",
        "subsample_dbeta_with_the_mean",
        "subsample_dx_divided_by_the_area",
        "subsample_dx_beta_left_out",
        "dense_dw_of_the_first_forward",
        "dense_dw_reshaped",
        "dense_db_mean_of_samples",
        "flatten_backward_in_matlab_order",
        "flatten_backward_row_by_row",
        "neuron_error_turned_round",
        "neuron_x_and_w_exchanged",
        "neuron_delta_of_cross_entropy",
        "relu_mask_not_binary",
        "relu_slope_of_absolute_value",
        "sigmoid_slope_without_y",
        "tanh_with_the_slope_of_sigmoid",
        "identity_multiplied_by_x",
        "sigmoid_slope_with_x",
        "tanh_slope_not_squared",
        "softmax_sums_over_the_batch",
        "softmax_plus_for_minus",
        "cross_entropy_targets_taken_to_sum_to_one",
        "cross_entropy_stops_at_the_probabilities",
        "cross_entropy_averaged_over_classes_too",
        "half_squared_error_without_dE",
        "half_squared_error_gradient_at_the_target",
        "weight_decay_of_squares",
        "weight_decay_half_kept",
        "batch_norm_means_leave_out_space",
        "batch_norm_without_root",
        "batch_norm_statistics_constant",
    }
)

# Of single mistakes, other families whose suspect tells a reader to change the same line in the same way.
ALSO: dict[str, tuple[str, ...]] = {
    "channels_last_dx_first_kernel_only": ("axis",),  # an index that stays 0
    "flatten_backward_in_matlab_order": ("transpose",),  # the order in which dy is filled
    "flatten_backward_row_by_row": ("transpose",),
    "p_norm_pool_x_for_its_sign": ("power",),  # x for sign(x): one power of |x| too many
    "partial_conv_db_stays_zero": ("missing term",),  # db is 0
    "sigmoid_slope_without_y": ("activation derivative",),  # 1 - y for y(1 - y)
    "tanh_slope_not_squared": ("activation derivative",),  # 1/cosh for 1/cosh²
    "true_conv_dw_flips_channels_too": ("rotation",),  # dw is flipped along the axis of the channels
    "true_conv_dw_pairs_wrong_samples": ("axis",),  # the samples in the reverse order
}

UNSEEN: tuple[Mistake, ...] = tuple(mistake for mistake in THIRD if mistake.name not in REPEATED)
