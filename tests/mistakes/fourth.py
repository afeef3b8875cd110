"""The fourth set of planted mistakes: what a student, or an engineer who ports the source texts, would really write.

It was written without sight of the rules that name mistakes, of what the reports say about any mistake and of the
other sets; nothing in it is fitted to them. It shares with the third set the helpers in ``slips.py``. Its
labels say what a reader has to change in the code.
"""

from __future__ import annotations

from tests.mistakes.fourth_channels_last import CHANNELS_LAST
from tests.mistakes.fourth_convolutions import CONVOLUTIONS
from tests.mistakes.fourth_costs import COSTS
from tests.mistakes.fourth_dense import DENSE_AND_ACTIVATIONS
from tests.mistakes.fourth_derivations import DERIVATIONS
from tests.mistakes.fourth_networks import NETWORKS
from tests.mistakes.fourth_pooling import POOLING
from tests.mistakes.mistake import Mistake

FOURTH: tuple[Mistake, ...] = (
    *CONVOLUTIONS,
    *CHANNELS_LAST,
    *DENSE_AND_ACTIVATIONS,
    *POOLING,
    *COSTS,
    *DERIVATIONS,
    *NETWORKS,
)

# Other families that a careful reader accepts for the same mistake.
ALSO: dict[str, tuple[str, ...]] = {
    "volume_kernel_turned_in_a_plane": ("axis",),  # which axes are turned
    "rot90_of_the_first_axes": ("rotation",),
    "bias_before_the_rectifier": ("mask",),  # the rectifier's derivative is its mask
    "bias_of_channels_first": ("axis",),
    "border_windows_divided_by_the_full_area": ("constant factor",),
    "hands_back_through_new_weights": ("added term",),  # what the update subtracts
    "sizes_without_signs": ("sign",),
    "maps_tiled": ("transpose",),
    "first_column_taken_for_biases": ("dropped term",),
    "entries_counted_as_for_vectors": ("constant factor",),
    "scale_of_centred_input": ("missing term",),  # 1/√(var + ε)
    "product_of_two_sums": ("axis",),
    "feature_vector_has_a_slope": ("extra factor",),
    "softmax_slope_after_the_fused_cost": ("extra factor",),
    "last_example_replaces_the_others": ("dropped sample",),
    "maxima_of_the_first_example": ("wrong input",),
    # After the first measure: the suspect says what is wrong, in words filed under another family.
    "all_axes_flipped_for_kernel": ("rotation",),  # flipped along axis 1
    "first_kernel_hands_everything_back": ("axis",),  # the first entry of w for every one
    "mask_before_the_bias": ("wrong input",),  # 0 in the place of b
    "maximum_sought_among_zeros": ("geometry",),  # padding with 0 wins over negative entries
    "place_divided_by_the_height": ("geometry",),  # the window's sides are exchanged
}
