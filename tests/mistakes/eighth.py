"""The eighth set of mistakes: the gradient bugs of from-scratch networks in NumPy, written without seeing the rules."""

from __future__ import annotations

from tests.mistakes.eighth_conv_kinds import CONVOLUTION_KINDS
from tests.mistakes.eighth_convolutions import CONVOLUTIONS
from tests.mistakes.eighth_costs import BATCH_NORM, COSTS
from tests.mistakes.eighth_dense import DENSE
from tests.mistakes.eighth_networks import NETWORKS
from tests.mistakes.eighth_pooling import POOLING
from tests.mistakes.mistake import Mistake

EIGHTH: tuple[Mistake, ...] = (*CONVOLUTIONS, *CONVOLUTION_KINDS, *POOLING, *DENSE, *COSTS, *BATCH_NORM, *NETWORKS)

# Other families that a careful reader would accept for the same mistake.
ALSO: dict[str, tuple[str, ...]] = {
    "eighth_rot90_without_axes": ("axis",),
    "eighth_kernel_gradient_left_turned": ("missing term",),
    "eighth_dw_set_in_sample_loop": ("assignment", "dropped sample"),
    "eighth_softmax_diagonal_only": ("missing term",),  # only the diagonal of the Jacobian
    "eighth_conv_gradients_over_m": ("extra factor",),
    "eighth_windows_written_not_added": ("accumulated", "dropped term"),
    "eighth_maps_reshaped_not_moved": ("axis", "order"),
    "eighth_scatter_last_stride_for_all": ("axis",),
    "eighth_columns_channel_fastest": ("order", "transpose"),
    "eighth_dw_reshaped_not_transposed": ("order", "axis"),
    "eighth_columns_of_last_sample": ("wrong input", "dropped sample", "axis"),  # the last entry of x for every one
    "eighth_backward_range_stops_short": ("geometry",),
    "eighth_first_channel_for_all": ("axis",),
    "eighth_relu_mask_from_dy": ("activation derivative", "wrong input"),
    "eighth_bias_before_relu_mask": ("wrong input", "missing term", "activation derivative"),
    "eighth_sigmoid_slope_at_output": ("wrong input",),
    "eighth_dx_from_da": ("activation derivative", "wrong input"),
    "eighth_bias_reshaped_channels_first": ("order", "transpose"),
    "eighth_kernel_updated_before_dx": ("stale cache", "wrong input"),
    "eighth_winner_overwritten": ("accumulated", "pooling routing", "dropped term"),
    "eighth_argmax_unravelled_by_wrong_side": ("axis", "geometry", "transpose"),
    "eighth_windows_assumed_to_touch": ("pooling routing",),
    "eighth_argmax_over_zero_padding": ("geometry",),
    "eighth_max_upsampled_without_mask": ("pooling routing",),
    "eighth_mask_by_max_over_channels": ("axis", "mask"),
    "eighth_mean_share_undivided": ("missing term",),
    "eighth_mean_over_stride_area": ("geometry",),
    "eighth_remainder_padded_with_edge": ("added term",),
    "eighth_mean_one_stride_for_all": ("axis",),
    "eighth_mean_whole_window_at_border": ("geometry",),
    "eighth_p_norm_without_sign": ("missing term",),
    "eighth_p_norm_inner_factor": ("missing term", "extra factor"),
    "eighth_beta_times_output": ("stale cache",),
    "eighth_subsample_without_slope": ("activation derivative",),
    "eighth_weights_updated_before_dx": ("stale cache", "wrong input"),
    "eighth_square_weights_untransposed": ("axis",),
    "eighth_decay_in_layer_backward": ("extra factor",),
    "eighth_outer_product_of_batch_sums": ("order", "axis", "added term"),
    "eighth_bias_of_first_sample": ("accumulated", "axis"),
    "eighth_columns_reshaped_as_rows": ("transpose", "axis"),
    "eighth_unflattened_channels_last": ("order", "transpose"),
    "eighth_leaky_slope_in_backward": ("mask", "added term"),
    "eighth_sigmoid_denominator_not_squared": ("activation derivative",),
    "eighth_tanh_slope_from_input": ("activation derivative",),
    "eighth_tanh_slope_without_dy": ("activation derivative",),
    "eighth_cross_entropy_times_slope": ("activation derivative", "added term"),
    "eighth_cross_entropy_not_averaged": ("missing term",),
    "eighth_one_subtracted_at_label": ("missing term",),
    "eighth_error_over_all_entries": ("extra factor",),
    "eighth_loss_ignores_cotangent": ("constant factor",),
    "eighth_decay_keeps_the_half": ("extra factor",),
    "eighth_statistics_as_constants": ("missing term",),
    "eighth_maps_averaged_over_n": ("axis",),
    "eighth_slope_of_the_next_layer": ("activation derivative", "stale cache"),
    "eighth_kernels_not_decayed": ("dropped term",),
}
