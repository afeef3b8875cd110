"""Someone's own code as a :class:`cnngrad.core.layer.Layer`, with at most five lines of glue and no edit of it."""

from __future__ import annotations

from cnngrad.adapters.adapt import adapt
from cnngrad.adapters.autograd import from_autograd
from cnngrad.adapters.classes import from_class
from cnngrad.adapters.functions import from_functions
from cnngrad.adapters.jax import from_jax
from cnngrad.adapters.torch import from_torch, torch_variants

__all__ = ["adapt", "from_autograd", "from_class", "from_functions", "from_jax", "from_torch", "torch_variants"]
